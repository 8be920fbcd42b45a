"""Run the pages whose cells or inputs have changed, side by side, before Sphinx reads them.

The notebook cache of MyST-NB compares cells alone. Here a kept result also has the state of all that its run has read
(page_inputs.py). When that differs, the page is run again; MyST-NB then finds every result in its cache.
An edit of an extension has all pages read, and one of a style sheet, a script or a template has them written.
Neither has one run.
"""
import hashlib
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.read import create_nb_reader
from nbclient import NotebookClient
from sphinx.errors import SphinxError
from sphinx.util import logging

sys.path.insert(0, str(Path(__file__).parent))
import page_inputs

ROOT = Path(__file__).parents[2]
RECORDER = Path(__file__).parent / "recorder"
READING = [ROOT / "book" / "_ext"]
LOOKS = [ROOT / "book" / "_assets", ROOT / "book" / "_templates"]
UNSEEN = {"remove-cell", "remove-output", "remove-stderr"}
logger = logging.getLogger(__name__)


class PageFailed(SphinxError):
    category = "A page did not run"


def run_stale_pages(app, env, docnames):
    """Run what is stale, keep the results, and have Sphinx read each page that it has not read with its last result."""
    cache = get_cache(env.mystnb_config.execution_cache_path)
    notebooks = {name: notebook for name in sorted(env.found_docs) if (notebook := read(env, name))}
    stale = [name for name, notebook in notebooks.items() if is_stale(cache, name, notebook)]
    failures = []
    with ThreadPoolExecutor(cores()) as pool:
        running = {name: pool.submit(run, notebooks[name], Path(env.doc2path(name)).parent,
                                     env.mystnb_config.execution_timeout) for name in stale}
        for name, result in running.items():
            try:
                keep(cache, env.doc2path(name), notebooks[name], **result.result())
            except Exception as problem:
                failures.append(f"{name}: {problem}")
    if failures:
        raise PageFailed("\n\n".join(failures))
    ran = {name: cache.match_cache_notebook(notebook).data["ran"] for name, notebook in notebooks.items()}
    last_read = getattr(env, "page_runs", {})          # kept with the environment, once all pages are read
    docnames[:] = sorted({*docnames, *(name for name in ran if ran[name] != last_read.get(name))})
    env.page_runs = ran
    drop_others(cache, ran.values())


def read(env, name):
    """The page's notebook; None when it has no code to run."""
    path = env.doc2path(name)
    text = Path(path).read_text(encoding="utf8")
    reader = create_nb_reader(path, env.myst_config, env.mystnb_config, text)
    notebook = reader and reader.read(text)
    return notebook if notebook and code_cells(notebook) else None


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_stale(cache, name, notebook):
    """Whether the page has no result, or one of another state; says why."""
    try:
        kept = cache.match_cache_notebook(notebook).data
    except KeyError:
        kept = {}
    if "ran" not in kept:
        logger.info(f"{name}: runs, since its cells are new")
        return True
    changed = page_inputs.differences(kept["inputs"])
    if changed:
        logger.info(f"{name}: runs, since this changed: {', '.join(changed[:5])}")
    return bool(changed)


def run(notebook, folder, timeout):
    """Run the notebook in place. Raises when a cell fails, takes longer than the timeout, or writes to stderr."""
    started = time.time()
    with tempfile.TemporaryDirectory() as scratch:
        record = Path(scratch) / "record"
        path = os.pathsep.join(filter(None, [str(RECORDER), os.environ.get("PYTHONPATH")]))
        client = NotebookClient(notebook, timeout=timeout, record_timing=False,
                                resources={"metadata": {"path": str(folder)}})
        client.execute(env=os.environ | {"PYTHONPATH": path, "PAGE_RECORD": str(record)})
        refuse_stderr(notebook)
        return {"inputs": page_inputs.inputs(record, started), "ran": started, "seconds": time.time() - started}


def refuse_stderr(notebook):
    """Raise when a cell that readers see wrote to stderr. A kept result would complain the first time only."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.get("name") == "stderr" and not UNSEEN & set(cell.metadata.get("tags", [])):
                raise ValueError(f"a cell wrote to stderr.\n{cell.source}\n---\n{output.text}")


def keep(cache, path, notebook, inputs, ran, seconds):
    data = {"execution_seconds": seconds, "ran": ran, "inputs": inputs}
    cache.cache_notebook_bundle(CacheBundleIn(notebook, path, data=data), check_validity=False, overwrite=True)
    logger.info(f"{Path(path).stem}: ran in {seconds:.1f} s")


def drop_others(cache, ran):
    """Remove the results that no page of today has."""
    for record in cache.list_cache_records():
        if record.data.get("ran") not in ran:
            cache.remove_cache(record.pk)


def cores():
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def key(folders):
    """One hash over the names and bytes of all files in the folders, compiled ones left out."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            digest.update(f"{folder.name}/{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def note_what_pages_are_made_with(app, config):
    """Sphinx acts on a setting that differs from last time."""
    config.book_reading = key(READING)
    config.book_looks = key(LOOKS)


def setup(app):
    app.add_config_value("book_reading", "", "env")     # differs: read all pages
    app.add_config_value("book_looks", "", "html")      # differs: write all pages
    app.connect("config-inited", note_what_pages_are_made_with)
    app.connect("env-before-read-docs", run_stale_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
