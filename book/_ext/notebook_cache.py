"""Build again what changed code touches; Sphinx and the notebook cache see changed pages only.

The cache compares cells, so an edit in `attnlib` would leave old outputs standing. Here it lives in a
folder named by a hash of that code: changed code, new folder, new run. An edit in the style sheets,
the scripts, the templates or the extensions has all pages written, but none run.
"""
import hashlib
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = [ROOT / "attnlib", ROOT / "book" / "figures"]
LOOKS = [ROOT / "book" / name for name in ("_assets", "_templates", "_ext")]


def key(folders):
    """One hash over the names and bytes of all files in the folders, compiled ones left out."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            digest.update(f"{folder.name}/{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def place(app, config):
    """Name the cache folder and the looks; Sphinx acts on a setting that differs from last time."""
    caches = Path(app.outdir).parent / ".jupyter_cache"
    here = caches / key(CODE)
    for old in caches.glob("*"):
        if old.is_dir() and old != here:
            shutil.rmtree(old, ignore_errors=True)
    config.nb_execution_cache_path = str(here)     # differs: read and run
    config.book_looks = key(LOOKS)                 # differs: write


def setup(app):
    app.add_config_value("book_looks", "", "html")
    app.connect("config-inited", place)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
