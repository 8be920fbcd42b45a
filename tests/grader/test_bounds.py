"""Cells that use up what a run may use: is each told what it was, with control groups and without?

Without control groups only the runner's looks bound a run, so each bomb is tried both ways.
"""

import os
import threading

import pytest

from grader.sandbox import cgroups
from grader.sandbox.bubblewrap import SandboxFault
from grader.sandbox.host import INSIDE
from grader.sandbox.probe import probe
from tests.grader.small_runs import both

pytestmark = pytest.mark.sandbox
MEMORY_TOLD = "Cell {} used up the memory (a notebook is stopped at 90% of 600 MiB)."


@pytest.fixture(params=["grouped", "ungrouped"])
def grouped(request, monkeypatch):
    """Whether sandboxes have control groups; both are tried."""
    if request.param == "ungrouped":
        monkeypatch.setattr(cgroups, "_parents", lambda: (0, []))
    return request.param == "grouped"


SHARED = """
import mmap, os, time
def use(size):
    held = mmap.mmap(-1, size)
    for i in range(0, size, 4096): held[i] = 1
    return held
def in_children(count, size):
    for _ in range(count):
        if os.fork() == 0:
            held = use(size)
            time.sleep(60)
    for _ in range(count): os.wait()
"""
MEMORY = {
    "private": "hog = []\nwhile True: hog.append(b'x' * 10**7)",
    "private, at once": "import numpy\nhog = numpy.ones(150_000_000)",
    "shared": SHARED + "held = use(900 << 20)",
    "shared, in three": SHARED + "in_children(3, 400 << 20)",
    "shared, filled by a child that has ended": SHARED + "held = mmap.mmap(-1, 900 << 20)\n"
        "if os.fork() == 0:\n    for i in range(0, len(held), 4096): held[i] = 1\n    os._exit(0)\n"
        "os.wait(); time.sleep(9)",
    "shared, and put out of sight": SHARED + "kept = []\nwhile True:\n    held = use(100 << 20)\n"
        "    held.madvise(mmap.MADV_DONTNEED); kept.append(held)",
    "shared, by a process that hides": SHARED + "import ctypes\nctypes.CDLL(None).prctl(4, 0)\n"
        "held = use(900 << 20)\nheld.madvise(mmap.MADV_DONTNEED); time.sleep(9)",
    "shared, with a name": SHARED + "import ctypes\nlibc = ctypes.CDLL(None)\nheld = use(900 << 20)\n"
        "place = ctypes.c_ulong(ctypes.addressof(ctypes.c_char.from_buffer(held)))\n"
        "libc.prctl(0x53564d41, 0, place, ctypes.c_ulong(900 << 20), b'a name')\n"
        "libc.madvise(place, ctypes.c_ulong(900 << 20), 4); time.sleep(9)",
    "of the device zero": SHARED + "device = os.open('/dev/zero', os.O_RDWR)\nheld = mmap.mmap(device, 900 << 20)\n"
        "for i in range(0, len(held), 4096): held[i] = 1",
    "in children": SHARED + "for _ in range(8):\n    if os.fork() == 0: x = b'x' * 10**8; time.sleep(60)\n"
        "time.sleep(60)",
    "in sockets": SHARED + """
import socket
for _ in range(20):
    if os.fork() == 0:
        kept = []
        try:
            while True:
                kept += socket.socketpair()
                kept[-1].setblocking(False)
                try:
                    while True: kept[-1].send(bytes(4096))
                except BlockingIOError: pass
        except OSError: time.sleep(60)
time.sleep(60)""",
    "files and more": SHARED + "for i in range(3): open(f'/tmp/{i}', 'wb').write(bytes(40 << 20))\n"
        "hog = b'x' * (420 << 20); time.sleep(9)",
}


@pytest.mark.parametrize("bomb", MEMORY)
def test_memory_is_told_as_memory(run, grouped, bomb):
    """Does using too much memory, of whichever kind, cost its cell, and is it told as memory?"""
    ran = run(MEMORY[bomb], memory=600, cell_seconds=10)
    assert both(ran)
    assert ran.lost == {1: MEMORY_TOLD.format("cell_0")}


FILES = {
    "empty files": "open(f'/tmp/{i}', 'w').close()",
    "folders": "os.mkdir(f'/home/student/{i}')",
    "links": "os.symlink('nowhere', f'/dev/shm/{i}')",
    "names of one file": "open('/tmp/a', 'w').close() if i == 0 else os.link('/tmp/a', f'/tmp/{i}')",
    "small files": "open(f'/dev/shm/{i}', 'w').write('x')",
}


@pytest.mark.parametrize("bomb", FILES)
def test_files_are_told_as_files(run, grouped, bomb):
    """Does making files without end cost its cell, even when they are empty, and is it told as files?"""
    ran = run(f"import itertools, os\nfor i in itertools.count(): {FILES[bomb]}", cell_seconds=10,
              files_in_memory=3000)
    assert both(ran)
    assert ran.lost == {1: "Cell cell_0 made more than 3000 files and folders."}


PROCESSES = {
    "forks": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "children": "import subprocess\nkept = []\nwhile True: kept.append(subprocess.Popen(['sleep', '99']))",
    "threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()",
    "threads, and says nothing": "import threading, time\ntry:\n"
        "    while True: threading.Thread(target=time.sleep, args=(99,)).start()\nexcept RuntimeError: pass",
}


@pytest.mark.parametrize("bomb", PROCESSES)
def test_processes_are_told_as_processes(run, grouped, bomb):
    """Does starting processes or threads without end cost its cell, and is it told as processes and not as memory?"""
    ran = run(PROCESSES[bomb], cell_seconds=15, total_seconds=60)
    assert both(ran)
    assert ran.lost == {1: "Cell cell_0 started more than 128 processes and threads."}


MODEST = {
    "a place to share": SHARED + "held = use(60 << 20)",
    "a hundred threads": "import threading, time\n"
        "for _ in range(100): threading.Thread(target=time.sleep, args=(0.3,)).start()",
    "orphans": "import os\nfor _ in range(200): os.system('true &')",
    "workers with a large parent": SHARED + "large = b'x' * (200 << 20)\nfor _ in range(4):\n"
        "    if os.fork() == 0: time.sleep(0.5); os._exit(len(large) % 2)\nfor _ in range(4): os.wait()",
    "full places": "for place in '/tmp', '/dev/shm', '/home/student':\n    try:\n"
        "        for i in range(9): open(f'{place}/{i}', 'wb').write(bytes(40 << 20))\n    except OSError: pass",
    "an own priority": "import os; os.nice(1)",
}


@pytest.mark.parametrize("use", MODEST)
def test_modest_use_costs_nothing(run, grouped, use):
    """Does a cell that uses much, but not too much, cost nothing, even if parts of it are seen twice?"""
    ran = run(MODEST[use], memory=700, cell_seconds=10)
    assert both(ran) and ran.lost == {}


def test_the_cell_that_did_it(run, grouped):
    """Is the cell told that left too many threads behind, and not the next?"""
    ran = run("import threading, time\nfor _ in range(135): threading.Thread(target=time.sleep, args=(99,)).start()",
              "print(3)")
    assert both(ran) and set(ran.lost) == {1}


def test_how_much_more(run, monkeypatch):
    """Without control groups, does a burst of children go over the memory by less than a process may have?"""
    monkeypatch.setattr(cgroups, "_parents", lambda: (0, []))
    free, done = [_available()], threading.Event()
    meter = threading.Thread(target=lambda: [free.append(_available()) for _ in iter(lambda: done.wait(0.005), True)])
    meter.start()
    try:
        ran = run(SHARED + "for _ in range(10):\n    if os.fork() == 0: x = b'x' * (900 << 20); time.sleep(60)\n"
                  "time.sleep(60)", memory=600, cell_seconds=10)
    finally:
        done.set()
        meter.join()
    assert ran.lost == {1: MEMORY_TOLD.format("cell_0")}
    assert free[0] - min(free) < 600 + 4096


def _available():
    """MiB that the machine has left."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) >> 10 for line in file if line.startswith("MemAvailable:"))


def test_no_way_to_watch_no_sandbox(monkeypatch, tmp_path):
    """Where the system does not show what a process uses, is the sandbox refused, and why is said?"""
    blind = tmp_path / "runner.py"
    blind.write_text(INSIDE[0].read_text().replace("/status", "/nothing"))
    monkeypatch.setattr("grader.sandbox.host.INSIDE", [blind, *INSIDE[1:]])
    probe.cache_clear()
    with pytest.raises(SandboxFault, match="/proc does not show what a process uses"):
        probe()
    probe.cache_clear()


def test_the_first_line_says_what_bounds_a_run(grouped):
    """Does the line at the start say whether there are control groups, and what holds a run where there are none?"""
    probe.cache_clear()
    line = probe()
    probe.cache_clear()
    assert ("cgroup v" in line) != ("no cgroup can be made here" in line)
    if "no cgroup" in line:
        assert "2048 MiB or 128 processes" in line and "4096 MiB" in line and "when the runner looks" in line


@pytest.mark.parametrize("upon", ["1", "every thread"])
def test_nobody_takes_the_runner_s_turn(run, grouped, upon):
    """After every call that acts upon a process by its number, does the runner still stop loops and memory bombs?"""
    attempt = """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
def threads(): return [int(tid) for tid in os.listdir("/proc/1/task")]
def state():
    fields = [open(f"/proc/1/task/{tid}/stat").read().rsplit(")")[1].split() for tid in threads()]
    return [(f[15], f[16], f[37], f[38]) for f in fields], open("/proc/1/limits").read(), threads()
two, zero = (ctypes.c_ulong * 2)(1, 1), ctypes.c_int(0)
before = state()
for tid in UPON:
    for resource in range(16): libc.syscall(302, tid, resource, ctypes.byref(two), None)   # prlimit64
    for policy in range(7):
        for flag in (0, 0x40000000): libc.syscall(144, tid, policy | flag, ctypes.byref(zero))   # sched_setscheduler
    libc.syscall(142, tid, ctypes.byref(zero))                                         # sched_setparam
    for which in range(3): libc.syscall(141, which, tid, 19), libc.syscall(251, which + 1, tid, 3 << 13)  # …priority
    libc.syscall(203, tid, 8, ctypes.byref(ctypes.c_ulong(1)))                          # sched_setaffinity
    libc.syscall(314, tid, bytes(48), 0)                                                # sched_setattr
    libc.syscall(157, 62, 2, tid, 0, 0)                                                 # prctl PR_SCHED_CORE
    libc.syscall(434, tid, 0), libc.syscall(440, -1, 0, 0, 0, 0)                        # pidfd_open, process_madvise
    for path in ("oom_score_adj", "timerslack_ns", "comm", "autogroup", "clear_refs", "coredump_filter", "sched"):
        for place in (f"/proc/{tid}", f"/proc/1/task/{tid}"):
            try: open(f"{place}/{path}", "w").write("5")
            except OSError: pass
    for number in range(1, 65):
        libc.syscall(62, tid, number), libc.syscall(200, tid, number), libc.syscall(234, 1, tid, number)  # …kill
        libc.syscall(129, tid, number, bytes(128)), libc.syscall(297, 1, tid, number, bytes(128))
for which in range(3): libc.syscall(141, which, 1, 19)
libc.syscall(141, 2, 0, 19)                                                             # all of this user's
assert state() == before, (state(), before)
""".replace("UPON", "[1]" if upon == "1" else "threads()")
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers are x86_64's")
    ran = run(attempt, "while True: pass", "hog = []\nwhile True: hog.append(b'x' * 10**7)", "print('on')",
              memory=600, cell_seconds=4)
    assert both(ran)
    assert ran.lost == {2: "Stopped after 4 s in cell cell_1.", 3: MEMORY_TOLD.format("cell_2")}
    assert ran.outputs[1] == [] and ran.outputs[4][0]["text"] == "on\n"


def test_looking_is_cheap(run, grouped):
    """Does the runner spend little of a cell's time on looking, when there are many processes too?"""
    ran = run("""
import os, subprocess, time
kept = [subprocess.Popen(["sleep", "9"]) for _ in range(100)]
def used(): return sum(map(int, open("/proc/1/stat").read().rsplit(")")[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
start = used(); time.sleep(1.5); print((used() - start) / 1.5)""", cell_seconds=9)
    assert both(ran) and float(ran.outputs[1][0]["text"]) < 0.5
