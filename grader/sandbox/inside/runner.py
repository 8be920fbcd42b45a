"""Run one notebook's code cells in an IPython kernel and report each as a line of JSON.

This file runs inside the sandbox, as its process 1, beside code that may be hostile. It imports nothing of ours; the
kernel it starts imports `attnlib.check` from the view. What it writes is believed by nobody: see
`grader.sandbox.host`, which reads it.

In, from the folder given as argument: task.json (cells, limits, offer), files/ (what was handed in beside the
notebook); kernel.py lies beside this file. Out, on standard output:
{"event": "ready" | "start" | "done" | "died" | "full" | "crowded" | "littered" | "stuck" | "end", ...}.
"""

import ctypes
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
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
NICE = 10  # a hundred busy processes leave this one, which has to stop them, its turn
LOOK, CLOSE_LOOK = 0.05, 0.2  # seconds between two looks at what the processes use, more where a look takes long
RUNNER = 1  # this process, in a sandbox
IN_MEMORY = ("/home/student", "/tmp", "/dev/shm")  # the places for files, which are memory
SOCKET, TCP_SOCKET = 1 << 18, 1 << 25  # bytes that the kernel may keep for a socket, and for one with growing buffers
OWN = ("RssAnon", "VmSwap", "VmPTE", "HugetlbPages")  # of /proc/PID/status, in KiB: what a process has for itself
NOT_SHARED = ("VmData", "VmStk", "VmExe", "VmLib")
STATUS = re.compile(rb"^(Threads|VmSize|RssShmem|%s):\s+(\d+)" % "|".join(OWN + NOT_SHARED).encode(), re.MULTILINE)
# a shared mapping that is no file's, with a name or without
SHARED = re.compile(r"^(\w+)-(\w+) ..[-x]s (\w+) \S+ (\d+) +(?:/dev/zero|\[anon_shmem)", re.MULTILINE)
ANONYMOUS = re.compile(r"^Pss_Anon:\s+(\d+)", re.MULTILINE)


class Died(Exception):
    """The kernel has ended."""


class Full(Died):
    """The kernel and its children used more memory than they may, and were killed for it."""


class Crowded(Died):
    """There were more processes and threads than there may be."""


class Littered(Died):
    """There were more files and folders than there may be."""


class Stuck(Exception):
    """The kernel does not react to an interrupt."""


def main(folder: str) -> None:
    """Run the cells of the task in `folder` and report on each."""
    report = take_standard_output()
    with open(os.path.join(folder, "task.json")) as file:
        task = json.load(file)
    set_rlimits(task["rlimits"])
    shutil.copytree(os.path.join(folder, "files"), os.getcwd(), dirs_exist_ok=True)
    kernel = Kernel(os.environ["TMPDIR"], Watch(task["memory"], task["processes"], task["files_in_memory"]))
    ignore_signals()
    kernel.wait_until_ready()
    report(event="ready")
    for cell in task["cells"]:
        report(event="start", cell=cell["index"])
        source = PRELUDE + cell["source"] if cell["exercise"] else cell["source"]
        try:
            outputs, interrupted = kernel.run(source, task["cell_seconds"], task["grace_seconds"])
        except (Died, Stuck) as end:  # Full, Crowded and Littered are ways to die
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


def ignore_signals() -> None:
    """Let nothing in the sandbox interrupt this process or its threads, which are started later.

    The system reaps the orphans that come to process 1; they would count as processes for ever. What was started
    before, the kernel, inherits nothing of this.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


class Kernel:
    """An IPython kernel and the one client it has, over Unix sockets."""

    def __init__(self, folder: str, watch: "Watch"):
        self.watch = watch
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
            stderr=self.log, preexec_fn=lambda: os.nice(NICE),
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
        """Run one cell: (outputs, whether it had to be interrupted). Raises Died, or a kind of it, or Stuck."""
        request = self.client.execute(source, allow_stdin=False, stop_on_error=False)
        outputs, patience = Outputs(), Patience(self.process, seconds, grace)
        while True:
            self._look(self.watch.look_when_due)
            message = self._next_message()
            patience.check()
            if message is None or message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                self._look(self.watch.look_closely)  # so that the next cell is not told of what this one did
                return outputs.kept, patience.interrupted
            outputs.add(message["msg_type"], message["content"])

    def _look(self, look: Callable[[], None]) -> None:
        """Kill a kernel that uses too much. Raises Full, Crowded or Littered."""
        try:
            look()
        except Died:
            self.process.kill()
            raise

    def _next_message(self) -> dict[str, Any] | None:
        """The kernel's next message, None when none came for a moment. Raises Died."""
        try:
            return self.client.get_iopub_msg(timeout=LOOK)
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


class Watch:
    """What all processes of this sandbox use together, compared with what they may; without a sandbox, nothing.

    memory: bytes; processes: threads count, this runner's do not; files: folders and links count.
    Raises SystemExit where the system does not let us see it.
    """

    def __init__(self, memory: int, processes: int, files: int):
        self.memory, self.processes, self.files = memory, processes, files
        self.sandboxed = os.getpid() == RUNNER  # else these would be everybody's processes
        self.next_look = self.next_close_look = 0.0
        if self.sandboxed and not {"RssAnon", "Threads", "VmSize"} <= set(status(str(RUNNER))):
            sys.exit("/proc does not show what a process uses, so nothing could bound it")

    def look_when_due(self) -> None:
        """Look again if the last look is long enough ago for looking to take half of the time at most."""
        start = time.monotonic()
        if start > self.next_look:
            self.look()
            self.next_look = start + max(LOOK, 2 * (time.monotonic() - start))

    def look_closely(self) -> None:
        """Look, at the mappings of every process too if need be. Raises Full, Crowded or Littered."""
        self.next_close_look = 0.0
        self.look()

    def look(self) -> None:
        """Raises Full, Crowded or Littered."""
        if not self.sandboxed:
            return
        pids = [pid for pid in os.listdir("/proc") if pid.isdigit()]
        if len(pids) - 1 > self.processes:  # asked first, for a fork bomb leaves us little time
            raise Crowded
        found = {pid: status(pid) for pid in pids}
        if sum(of["Threads"] for pid, of in found.items() if pid != str(RUNNER)) > self.processes:
            raise Crowded
        files, bytes_in_files = in_memory()
        if files > self.files:
            raise Littered
        others = bytes_in_files + in_sockets()
        if self._is_full(found, others):
            time.sleep(0.01)  # a process about to become another program has its parent's memory, for a moment
            self.next_close_look = 0.0
            if self._is_full({pid: status(pid) for pid in found}, others):
                raise Full

    def _is_full(self, found: dict[str, Counter[str]], others: int) -> bool:
        """Whether the memory of the processes {pid: its status} and `others` is too much.

        What each process says of itself counts twice what it shares with others, and not what it shared and does not
        use now. So we look at the mappings of each if the former is too much, and now and then if the latter may be.
        """
        own = sum(of[name] for of in found.values() for name in OWN) << 10
        seen_as_shared = sum(of["RssShmem"] for of in found.values()) << 10
        maybe_shared = {pid: of["VmSize"] - sum(of[name] for name in NOT_SHARED) << 10 for pid, of in found.items()}
        start = time.monotonic()
        due = start >= self.next_close_look and own + others + sum(maybe_shared.values()) > self.memory
        if own + others + seen_as_shared <= self.memory and not due:
            return False
        if due or seen_as_shared:
            others += shared(maybe_shared)
            self.next_close_look = start + max(CLOSE_LOOK, 10 * (time.monotonic() - start))
        left = own + others
        for pid in sorted(found, key=lambda pid: -found[pid]["RssAnon"]):
            if left <= self.memory:
                return False
            left -= shared_with_family(pid, found[pid]["RssAnon"] << 10)
        return left > self.memory


def status(pid: str) -> Counter[str]:
    """What /proc/PID/status says of a process, {name: number}; nothing when it has gone."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            return Counter({name.decode(): int(number) for name, number in STATUS.findall(file.read())})
    except OSError:
        return Counter()


def shared(maybe: dict[str, int]) -> int:
    """Bytes of the shared mappings that belong to no file, each counted once and whole, touched or not.

    maybe: {pid: the most that a process can have of it}, which counts where the process does not let us see its own.
    """
    sizes, hidden = Counter[str](), 0
    for pid, at_most in maybe.items():
        try:
            with open(f"/proc/{pid}/maps") as file:
                for start, end, offset, inode in SHARED.findall(file.read()):
                    sizes[inode] = max(sizes[inode], int(offset, 16) + int(end, 16) - int(start, 16))
        except PermissionError:
            hidden += at_most
        except OSError:  # gone in the meantime
            continue
    return sum(sizes.values()) + hidden


def shared_with_family(pid: str, anonymous: int) -> int:
    """Of the `anonymous` bytes of a process, those that its parents or children count since a fork."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            found = ANONYMOUS.search(file.read())
        return max(0, anonymous - (int(found[1]) << 10)) if found else 0
    except OSError:
        return 0


def in_memory() -> tuple[int, int]:
    """(files and folders, their bytes) in the places that are memory."""
    places = [os.statvfs(place) for place in IN_MEMORY]
    return (sum(place.f_files - place.f_ffree for place in places),
            sum((place.f_blocks - place.f_bfree) * place.f_frsize for place in places))


def in_sockets() -> int:
    """Bytes that the sockets of this sandbox can hold at most."""
    with open("/proc/self/net/sockstat") as file:
        words = file.read().split()
    tcp = words[words.index("TCP:") + 2] if "TCP:" in words else 0
    return int(words[words.index("used") + 1]) * SOCKET + int(tcp) * TCP_SOCKET


class Outputs:
    """The outputs of one cell, cut to a bounded size."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.characters_left, self.image_characters_left = TEXT, IMAGES_SIZE

    def add(self, kind: str, content: dict[str, Any]) -> None:
        """Take one message of the kernel's; a response is always kept, and an error, which is the last."""
        if len(self.kept) >= OUTPUTS and RESPONSE not in content.get("data", {}) and kind != "error":
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
