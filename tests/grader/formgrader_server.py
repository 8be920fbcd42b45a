"""A real Jupyter server with formgrader in it, on this machine only."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import quote

from grader.course import REPOSITORY

TOKEN = "of-this-test"


class Formgrader:
    """What formgrader's pages ask for, of a server at `address`."""

    def __init__(self, address):
        self.address = address

    def open(self, path, method="GET"):
        """(status, text) of a page or call, its path from /formgrader/ on."""
        data = b"" if method == "POST" else None
        request = urllib.request.Request(f"{self.address}/{path}", data, {"Authorization": f"token {TOKEN}"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def api(self, *names, method="GET"):
        """What a call gives, as data; each of `names` is one part of its path."""
        status, text = self.open("formgrader/api/" + "/".join(quote(name, safe="") for name in names), method)
        assert status == 200, (names, status, text[-2000:])
        return json.loads(text)


@contextlib.contextmanager
def formgrader(folder, log):
    """Start a server in `folder`; what it says goes into the file `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name not in ("COURSE_DIR", "COURSE_DB")}
    command = [sys.executable, "-m", "jupyter", "server", "--allow-root", "--no-browser", "--ServerApp.ip=127.0.0.1",
               f"--ServerApp.port={port}", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"]
    with open(log, "w") as out:
        server = subprocess.Popen(command, cwd=folder, env=environment | {"PYTHONPATH": str(REPOSITORY)}, stdout=out,
                                  stderr=out)
    try:
        found = Formgrader(f"http://127.0.0.1:{port}")
        for _ in range(240):
            with contextlib.suppress(OSError):
                found.open("api/status")
                break
            assert server.poll() is None, log.read_text()
            time.sleep(0.25)
        yield found
    finally:
        server.terminate()
        server.wait()
