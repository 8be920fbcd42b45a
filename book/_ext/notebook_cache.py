"""Run the pages again when the code they call has changed.

The notebook cache compares cells only, so an edit in `attnlib` would leave old outputs standing.
Here the cache lives in a folder named by a hash of that code: changed code, new folder, new run.
"""
import hashlib
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = [ROOT / "attnlib", ROOT / "book" / "figures"]


def key(folders):
    """One hash over the names and bytes of all Python and data files in the folders."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.suffix in {".py", ".npz", ".json"}):
            digest.update(f"{folder.name}/{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def place(app, config):
    """Name the cache folder; Sphinx sees the new setting and reads every page again."""
    caches = Path(app.outdir).parent / ".jupyter_cache"
    here = caches / key(CODE)
    for old in caches.glob("*"):
        if old.is_dir() and old != here:
            shutil.rmtree(old, ignore_errors=True)
    config.nb_execution_cache_path = str(here)


def setup(app):
    app.connect("config-inited", place)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
