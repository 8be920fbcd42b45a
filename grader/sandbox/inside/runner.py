"""Run one notebook's code cells in an IPython kernel and report each as a line of JSON.

This file runs inside the sandbox, as its process 1, beside code that may be hostile. It imports nothing of ours; the
kernel it starts imports `attnlib.check` from the view. What it writes is believed by nobody: see
`grader.sandbox.host`, which reads it.

In, from the folder given as argument: task.json (cells, limits, offer), files/ (what was handed in beside the
notebook); kernel.py lies beside this file. Out, on standard output:
{"event": "ready" | "start" | "done" | "died" | "full" | "stuck" | "end", ...}.
"""

import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from queue import Empty
from typing import Any

START_SECONDS = 60
KERNEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernel.py")  # it reads task.json too: the offer
PRELUDE = "from attnlib.check import check\n"  # a check cell works even when the import cell was deleted or shadowed
RESPONSE = "application/vnd.attnlib.response+json"
IMAGES = ("image/png", "image/jpeg")
LEFT_OUT = "\n(the rest was left out)"
TEXT, IMAGES_SIZE, OUTPUTS = 20_000, 4_000_000, 100  # characters of text, of images, and outputs kept for a cell


class Died(Exception):
    """The kernel has ended."""


class Full(Died):
    """The kernel and its children used more memory than they may, and were killed for it."""


class Stuck(Exception):
    """The kernel does not react to an interrupt."""


def main(folder: str) -> None:
    """Run the cells of the task in `folder` and report on each."""
    report = take_standard_output()
    with open(os.path.join(folder, "task.json")) as file:
        task = json.load(file)
    set_rlimits(task["rlimits"])
    shutil.copytree(os.path.join(folder, "files"), os.getcwd(), dirs_exist_ok=True)
    kernel = Kernel(os.environ["TMPDIR"], task["memory"])
    kernel.wait_until_ready()
    report(event="ready")
    for cell in task["cells"]:
        report(event="start", cell=cell["index"])
        source = PRELUDE + cell["source"] if cell["exercise"] else cell["source"]
        try:
            outputs, interrupted = kernel.run(source, task["cell_seconds"], task["grace_seconds"])
        except (Died, Stuck) as end:  # Full is a way to die
            return report(event=type(end).__name__.lower(), cell=cell["index"])
        report(event="done", cell=cell["index"], outputs=outputs, interrupted=interrupted)
    report(event="end")


def take_standard_output() -> Callable[..., None]:
    """Keep standard output for the report alone; the kernel and its children get /dev/null."""
    pipe = os.dup(1)
    os.set_inheritable(pipe, False)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(null, stream)
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: closes /proc/1/fd and /proc/1/mem to the notebook

    def report(**event: Any) -> None:
        line = memoryview(json.dumps(event).encode() + b"\n")
        while line:
            line = line[os.write(pipe, line) :]

    return report


def set_rlimits(numbers: dict[str, int]) -> None:
    """Set the resource limits {RLIMIT name: number} on this process and on what it starts, never above a hard limit."""
    for name, number in numbers.items():
        which = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(which)[1]
        number = number if hard == resource.RLIM_INFINITY else min(number, hard)
        resource.setrlimit(which, (number, number))


class Kernel:
    """An IPython kernel and the one client it has, over Unix sockets."""

    def __init__(self, folder: str, memory: int):
        self.memory = memory  # bytes
        self.next_look = 0.0  # when to measure the memory again
        self.sockets = os.path.join(folder, "k")
        ports = {f"{name}_port": i for i, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)}
        self.connection: Any = {  # as jupyter_client describes a kernel
            "transport": "ipc", "ip": self.sockets, "key": "", "signature_scheme": "hmac-sha256", **ports}
        path = os.path.join(folder, "kernel.json")
        with open(path, "w") as file:
            json.dump(self.connection, file)
        self.log = open(os.path.join(folder, "kernel.log"), "w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-B", KERNEL, "-f", path, "--HistoryManager.hist_file=:memory:"],
            stderr=self.log,
        )

    def wait_until_ready(self) -> None:
        """Connect, and wait for an answer on both channels. Raises SystemExit with the kernel's last words."""
        from jupyter_client.blocking.client import BlockingKernelClient  # imported while the kernel starts

        deadline = time.monotonic() + START_SECONDS
        while not all(os.path.exists(f"{self.sockets}-{port}") for port in range(1, 6)):
            self._still_starting(deadline)
            time.sleep(0.005)
        self.client = BlockingKernelClient(parent=None)
        self.client.load_connection_info(self.connection)
        self.client.start_channels(stdin=False, hb=False)
        heard: set[str] = set()
        while heard != {"shell", "iopub"}:
            self._still_starting(deadline)
            self.client.kernel_info()
            for name in ("shell", "iopub"):
                try:
                    getattr(self.client, f"get_{name}_msg")(timeout=0.1)
                    heard.add(name)
                except Empty:
                    pass
        self.log.truncate(0)

    def _still_starting(self, deadline: float) -> None:
        if self.process.poll() is not None or time.monotonic() > deadline:
            self.log.seek(0)
            sys.exit("The kernel did not start. " + self.log.read()[-2000:].decode(errors="replace"))

    def run(self, source: str, seconds: float, grace: float) -> tuple[list[dict[str, Any]], bool]:
        """Run one cell: (outputs, whether it had to be interrupted). Raises Died, Full or Stuck."""
        request = self.client.execute(source, allow_stdin=False, stop_on_error=False)
        outputs, patience = Outputs(), Patience(self.process, seconds, grace)
        while True:
            self._check_memory()
            message = self._next_message()
            patience.check()
            if message is None or message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return outputs.kept, patience.interrupted
            outputs.add(message["msg_type"], message["content"])

    def _check_memory(self) -> None:
        """Ten times a second, kill a kernel that uses too much memory. Raises Full."""
        if time.monotonic() > self.next_look:
            self.next_look = time.monotonic() + 0.1
            if memory_used() > self.memory:
                self.process.kill()
                raise Full

    def _next_message(self) -> dict[str, Any] | None:
        """The kernel's next message, None when none came for a moment. Raises Died."""
        try:
            return self.client.get_iopub_msg(timeout=0.1)
        except Empty:
            if self.process.poll() is not None:
                raise Died from None
            return None


class Patience:
    """Interrupts a cell when its time is up, and gives up a kernel that does not react within the time of grace."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float, grace: float):
        self.process, self.grace = process, grace
        self.deadline, self.interrupted = time.monotonic() + seconds, False

    def check(self) -> None:
        """Interrupt the cell if it is time to. Raises Stuck when the interrupt did not help."""
        if time.monotonic() > self.deadline:
            if self.interrupted:
                raise Stuck
            self.interrupted, self.deadline = True, time.monotonic() + self.grace
            self.process.send_signal(2)


def memory_used() -> int:
    """Bytes that the processes of this sandbox have for themselves; files in memory are bounded by their size."""
    if os.getpid() != 1:  # no sandbox: these would be everybody's processes
        return 0
    pages = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/statm") as file:
                _, resident, shared, *_ = map(int, file.read().split())
            pages += resident - shared
        except (OSError, ValueError):  # gone in the meantime
            continue
    return pages * resource.getpagesize()


class Outputs:
    """The outputs of one cell, cut to a bounded size."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.characters_left, self.image_characters_left = TEXT, IMAGES_SIZE

    def add(self, kind: str, content: dict[str, Any]) -> None:
        """Take one message of the kernel's; a response is always kept."""
        if len(self.kept) >= OUTPUTS and RESPONSE not in content.get("data", {}):
            return
        if kind == "stream":
            self._add_stream(content["name"], self._shorten(content["text"]))
        elif kind in ("display_data", "execute_result"):
            self.kept.append({"output_type": kind, "data": self._data(content["data"])})
        elif kind == "error":
            traceback = [self._shorten(line) for line in content["traceback"]]
            error = {name: str(content[name])[:1000] for name in ("ename", "evalue")}
            self.kept.append({"output_type": "error", **error, "traceback": traceback})
        elif kind == "clear_output":
            self.kept = [output for output in self.kept if RESPONSE in output.get("data", {})]

    def _add_stream(self, name: str, text: str) -> None:
        last = self.kept[-1] if self.kept else {}
        if last.get("name") == name:
            last["text"] += text
        elif text:
            self.kept.append({"output_type": "stream", "name": name, "text": text})

    def _data(self, data: dict[str, Any]) -> dict[str, Any]:
        kept = {name: data[name] for name in IMAGES if name in data}
        self.image_characters_left -= sum(len(str(image)) for image in kept.values())
        if self.image_characters_left < 0:
            kept = {}
        if "text/plain" in data:
            kept["text/plain"] = self._shorten(data["text/plain"])
        if RESPONSE in data:
            self._forget_response_to(data[RESPONSE])
            kept[RESPONSE] = data[RESPONSE]
        return kept

    def _forget_response_to(self, response: Any) -> None:
        """Of a cell's responses to one exercise only the last is kept: a check may stand in a loop."""
        for output in self.kept:
            data = output.get("data", {})
            if RESPONSE in data and _exercise(data[RESPONSE]) == _exercise(response):
                del data[RESPONSE]

    def _shorten(self, value: Any) -> str:
        """As much of a text as the cell may still show."""
        text, left = str(value), self.characters_left
        self.characters_left = max(0, left - len(text))
        if len(text) <= left:
            return text
        return text[:left] + LEFT_OUT if left else ""


def _exercise(response: Any) -> Any:
    return response.get("exercise") if isinstance(response, dict) else None


if __name__ == "__main__":
    main(sys.argv[1])
