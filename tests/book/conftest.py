"""The built book, served on loopback, and the pages of a browser that may talk to nobody else."""
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
BUILD = ["build", "book", "--config", "_config.yml", "--path-output", ".", "-W", "-n", "--keep-going"]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A test that needs the built book is slow."""
    for item in items:
        if "book" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def book():
    """The folder of the book's HTML, built strictly: once a test run, by the first worker that needs it."""
    (ROOT / "_build").mkdir(exist_ok=True)
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"alone {os.getpid()}")
    told = ROOT / "_build" / "tested.json"
    with FileLock(ROOT / "_build" / "tested.lock"):
        done = json.loads(told.read_text()) if told.exists() else {}
        if done.get("run") != run:
            done = {"run": run, **build()}
            told.write_text(json.dumps(done))
    assert done["status"] == 0, done["output"]
    return ROOT / "_build" / "html"


def build():
    """Build the book as a person would."""
    here = Path(sys.executable).parent
    path = os.pathsep.join([str(here), os.environ["PATH"]])
    libraries = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([here / "jupyter-book", *BUILD], cwd=ROOT, text=True, capture_output=True,
                          env=os.environ | {"PATH": path, "PYTHONPATH": libraries})
    return {"status": done.returncode, "output": done.stdout[-3000:] + done.stderr[-6000:]}


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def address(book):
    """Where the book is served."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=book))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    chromium = shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(chromium).exists():
        pytest.skip("no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield running
        running.close()


@pytest.fixture(scope="session")
def visit(browser, address):
    """visit(name, theme, width): the open page, with its `errors` and the other `hosts` it asked for."""
    def open_page(name, theme="light", width=1280, scripts=True):
        context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 900},
                                      java_script_enabled=scripts, reduced_motion="reduce")
        page = context.new_page()
        page.errors, page.hosts = [], []

        def only_here(route):
            if route.request.url.startswith((address, "data:")):
                return route.continue_()
            page.hosts.append(route.request.url)
            return route.abort()

        context.route("**/*", only_here)
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("response", lambda reply: page.errors.append(reply.url) if reply.status >= 400 else None)
        page.goto(f"{address}{name}.html", wait_until="load")
        return page

    return open_page
