"""Hostile notebooks, really run: what happened to each, what it reached, and what it left behind.

Cells are run with a view that holds a `check` of three lines, so that what is tested is the sandbox alone.
"""

import json
import os
import socket
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from grader.course import REPOSITORY
from grader.sandbox.bubblewrap import Process, Sandbox, SandboxFault, masks, own_uid
from grader.sandbox.cgroups import control_group
from grader.sandbox.host import OUTPUTS, Cell, Events, NotebookRun, run_notebook
from grader.sandbox.seccomp import seccomp_filter
from grader.sanitize.outputs import message
from tests.grader.small_runs import BEFORE, LIMITS, TRY, answers, both

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize(
    "killer",
    [
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import ctypes; ctypes.string_at(0)",
        "import faulthandler; faulthandler._sigabrt()",
        "import os; os.abort()",
    ],
)
def test_a_dead_kernel_costs_one_cell(run, killer):
    """When a cell kills the kernel, do the cells before and after it keep their answers?"""
    ran = run(killer)
    assert both(ran)
    assert ran.lost == {1: "The kernel died in cell cell_0."}


@pytest.mark.parametrize("goodbye", ["quit()", "exit()", "import sys; sys.exit()", "raise SystemExit"])
def test_a_forgotten_goodbye(run, goodbye):
    """Does a quit() left in a cell cost nothing?"""
    ran = run(f"x = 3\n{goodbye}", "print(x)")
    assert both(ran) and ran.lost == {}
    assert ran.outputs[2][0]["text"] == "3\n"


def test_a_death_put_off(run):
    """When a cell makes the kernel die a moment later, is the check cell after it answered all the same?"""
    ran = run("import os, threading; threading.Timer(0.5, os._exit, [1]).start()", "import time; time.sleep(1)")
    assert both(ran) and set(ran.lost) == {2}


def test_endless_recursion(run):
    """Does recursion without end or limit cost its own cell alone?"""
    ran = run("import sys; sys.setrecursionlimit(10**9)\ndef f(): return f()\nf()")
    assert both(ran) and set(ran.lost) == {1}


def test_two_killers_and_state(run):
    """Are several killing cells each left out, and is what the others defined still there?"""
    ran = run("import os; x = 20", "os._exit(1)", "y = x + 1", "os.kill(os.getpid(), 9)", "print(x + y)")
    assert both(ran)
    assert set(ran.lost) == {2, 4}
    assert ran.outputs[5][0]["text"] == "41\n"


def test_an_endless_loop(run):
    """Is an endless loop interrupted in time, and does the notebook go on in the same kernel?"""
    ran = run("kept = 7\nwhile True: pass", "print(kept)")
    assert both(ran)
    assert ran.lost == {1: "Stopped after 2 s in cell cell_0."}
    assert ran.outputs[2][0]["text"] == "7\n"


STUBBORN = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    try:
        while True: pass
    except BaseException: pass
"""


@pytest.mark.parametrize(
    "blocker",
    [
        STUBBORN,
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "import os, time\nfor pid in os.listdir('/proc'):\n    if pid.isdigit() and pid != str(os.getpid()):\n"
        "        os.kill(int(pid), 19)\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass",
    ],
)
def test_what_cannot_be_interrupted(run, blocker):
    """Is a cell that swallows interrupts, stops itself or stops the others given up, and only that cell?"""
    ran = run(blocker)
    assert both(ran)
    assert ran.lost == {1: "Stopped after 2 s in cell cell_0."}


def test_all_in_all_it_ends(run):
    """Does a notebook of many slow cells end at the total time, with what it had answered by then?"""
    ran = run(*["import time; time.sleep(1.5)"] * 9, total_seconds=5)
    assert answers(ran) == {"before": 1}
    assert ran.lost[10] == "The notebook was stopped after 5 s in all, before this cell ended."


@pytest.mark.parametrize("grouped", [True, False])
def test_memory_bomb(run, grouped, monkeypatch):
    """Does eating memory, in one process or in children, cost the cell and nothing else, with or without cgroups?"""
    if not grouped:
        monkeypatch.setattr("grader.sandbox.cgroups._parents", lambda: (0, []))
    eat = "hog = []\nwhile True: hog.append(b'x' * 10**7)"
    children = ("import os, time\nfor _ in range(8):\n    if os.fork() == 0: x = b'x' * 10**8; time.sleep(60)\n"
                "time.sleep(60)")
    ran = run(eat, children, memory=500, cell_seconds=10)
    assert both(ran)
    assert set(ran.lost) == {1, 2}
    assert not any("Stopped" in why for why in ran.lost.values())


def test_fork_bomb(run):
    """Does a fork bomb cost the cell and nothing else?"""
    ran = run("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass")
    assert both(ran)


def test_thread_bomb(run):
    """Are threads bounded?"""
    ran = run("import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()")
    assert answers(ran)["before"] == 1


@pytest.mark.parametrize("flood", [
    "while True: print('x' * 100_000)",
    "print('x' * 300_000_000)",
    "import os\nwhile True: os.write(1, b'x' * 65536)",
    "from IPython.display import display\nfor i in range(3000): display(i)",
    "raise ValueError('x' * 100_000_000)",
    "from IPython.display import display\ndisplay({'image/png': 'x' * 50_000_000}, raw=True)",
    "from IPython.display import display\n"
    "for _ in range(50): display({'image/png': 'iVBORw0KGgo' + 'A' * 10**6}, raw=True)",
])
def test_output_flood(run, flood):
    """Is what a cell puts out cut to a bounded size, and do the other cells keep their answers?"""
    ran = run(flood)
    assert both(ran)
    assert len(json.dumps(ran.outputs)) < 5_000_000


def test_a_response_among_many_outputs(run):
    """Is a check answered in a cell that shows a lot before it and clears it after, or that is asked twice?"""
    ran = run("from IPython.display import clear_output, display\nfrom attnlib.check import check\n"
              "for i in range(200): display(i)\ncheck('mine', lambda: 3)\nclear_output()\ncheck('mine', lambda: 4)\n"
              "check('other', lambda: 5)\nclear_output()")
    assert answers(ran) == {"before": 1, "mine": 4, "other": 5, "after": 2}
    ran = run("from attnlib.check import check\nfor i in range(500): check('mine', lambda: 'x' * 30_000 + str(i))")
    assert answers(ran)["mine"].endswith("499")


def test_a_page_is_bounded(run):
    """Is what all cells show bounded together, in size and in number, each cell's answer kept, and the cut said?"""
    ran = run(*["from IPython.display import display\nfor i in range(90): display('x' * 200)"] * 40, cell_seconds=10)
    assert both(ran)
    assert sum(map(len, ran.outputs.values())) < OUTPUTS + 50
    assert ran.outputs[40] == [{"output_type": "stream", "name": "stdout", "text": "(the rest was left out)\n"}]
    assert len(NotebookRun(characters_left=200).show([message("x" * 50)] * 3)) == 1 + 1


def test_a_huge_answer(run):
    """Is an answer too large to take a lost cell, and not a lost class?"""
    ran = run("""
from IPython.display import display
def check(*_): pass
display({"application/vnd.attnlib.response+json": {"value": "x" * 50_000_000}, "text/plain": ""}, raw=True)""")
    assert both(ran)


def test_no_writable_place_fills_the_disk(printed, tmp_path):
    """Does filling every writable place stop at its limit, in memory, with nothing of it on the host?"""
    before = os.statvfs("/tmp").f_bavail
    said = printed(TRY + """
def fill(folder):
    for i in range(100):
        with open(f"{folder}/{i}", "wb") as file:
            file.write(b"x" * 10**7)
folders = "/home/student", "/tmp", "/dev/shm", "/", "/dev", "/etc", "/in", "/usr", "/usr/local", "/root", sys.prefix
tried(*(lambda f=f: fill(f) for f in folders))
""", cell_seconds=10)
    assert set(said) <= {"OSError", "PermissionError"}
    assert abs(os.statvfs("/tmp").f_bavail - before) * os.statvfs("/tmp").f_frsize < 500_000_000


def test_nothing_of_the_host(printed, tmp_path):
    """Can a notebook read the host's accounts, root's home, the repository, other submissions or environments?"""
    (tmp_path / "other_student.ipynb").write_text("theirs")
    os.environ["A_SECRET_OF_THE_HOST"] = "do not tell"
    paths = ["/etc/shadow", "/etc/hostname", f"{Path.home()}/.bashrc", f"{REPOSITORY}/solutions",
             f"{REPOSITORY}/attnlib/weights.py", f"{REPOSITORY}/exercises", f"{REPOSITORY}/.git", str(tmp_path),
             "/var/log", "/run", "/sys", "/boot"]
    said = printed(TRY + f"""
def read(path):
    return os.listdir(path) if os.path.isdir(path) else open(path).read()
def environments():
    found = ""
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try: found += open(f"/proc/{{pid}}/environ").read()
            except OSError: pass
    return "A_SECRET" in found
tried(*(lambda p=p: read(p) for p in {paths}), environments,
      lambda: len([p for p in os.listdir("/proc") if p.isdigit()]), lambda: open("/etc/passwd").read())
""")
    assert set(said[: len(paths)]) == {"FileNotFoundError"}
    assert said[len(paths)] is False
    assert said[-2] <= 4  # runner and kernel
    assert said[-1].count("\n") == 1


def test_no_way_up(printed):
    """Is a notebook without privileges, and can it get any: mounts, namespaces, tracing, other sockets, devices?"""
    said = printed(TRY + """
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    return -ctypes.get_errno() if libc.syscall(number, *arguments) == -1 else 0
def capabilities():
    return [line.split()[1] for line in open("/proc/self/status") if line.startswith("Cap")]
NEWUSER = 0x10000000
tried(
    capabilities,
    lambda: call(101, 0, 0, 0, 0),           # ptrace
    lambda: call(165, 0, 0, 0, 0, 0),        # mount
    lambda: call(272, NEWUSER),              # unshare
    lambda: call(308, 0, NEWUSER),           # setns
    lambda: call(56, NEWUSER | 17, 0, 0, 0, 0),  # clone
    lambda: call(435, 0, 0),                 # clone3
    lambda: call(321, 0, 0, 0),              # bpf
    lambda: call(298, 0, 0, 0, 0, 0),        # perf_event_open
    lambda: call(323, 0),                    # userfaultfd
    lambda: call(425, 1, 0),                 # io_uring_setup
    lambda: call(250, 0, 0, 0, 0, 0),        # keyctl
    lambda: call(310, 1, 0, 0, 0, 0, 0),     # process_vm_readv
    lambda: call(0x40000000 | 39),           # getpid by the x32 numbers
    lambda: call(16, 0, 0x5412, 0),          # TIOCSTI
    lambda: call(141, 0, 1, 19),             # setpriority of the runner, which watches the memory
    lambda: call(302, 1, 0, 0, 0),           # prlimit64 of it
    lambda: call(144, 1, 5, bytes(4)),      # sched_setscheduler of it
    lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close(),
    lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0).close(),
    lambda: os.mknod("/tmp/sda", 0o60600, os.makedev(8, 0)),
    lambda: open("/proc/1/environ").read(),
    lambda: open("/proc/1/mem", "rb").read(1),
    lambda: os.listdir("/proc/1/fd"),
    lambda: open("/proc/sys/kernel/core_pattern", "w").write("|/tmp/x"),
    lambda: os.setuid(0),
    lambda: os.chroot("/tmp"),
)
""") if os.uname().machine == "x86_64" else pytest.skip("the numbers are x86_64's")
    assert set(said[0]) == {"0000000000000000"}
    assert all(said[i] in (-1, -38) for i in range(1, 18)), said
    assert set(said[18:]) <= {"OSError", "PermissionError", "FileNotFoundError", "AttributeError"}, said


def test_no_network(printed):
    """Can a notebook reach the host's own services, a neighbour or a name server?"""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0a-service-of-the-host")
    abstract.listen()
    said = printed(TRY + f"""
def unix(name):
    socket.socket(socket.AF_UNIX).connect(name)
tried(lambda: socket.create_connection(("127.0.0.1", {port}), 1), lambda: socket.create_connection(("8.8.8.8", 53), 1),
      lambda: socket.getaddrinfo("example.org", 80), lambda: unix("\\0a-service-of-the-host"))
""")
    listener.close()
    abstract.close()
    assert said == ["ConnectionRefusedError", "OSError", "gaierror", "ConnectionRefusedError"]


def test_nothing_stays(run, printed, monkeypatch):
    """Are a child, files and folders left behind gone after the run, and a start-up file without effect on the next?"""
    made = []
    close = Process.close
    monkeypatch.setattr(Process, "close", lambda self: (made.append(self.folder), close(self)))
    tag = f"a-child-left-behind-{os.getpid()}"
    run(f"""
import subprocess, os
subprocess.Popen(["sleep", "1000"], start_new_session=True, env={{"TAG": "{tag}"}})
os.makedirs(os.path.expanduser("~/.ipython/profile_default/startup"))
open(os.path.expanduser("~/.ipython/profile_default/startup/00.py"), "w").write("forged = 1")
open("/tmp/left", "w").write("x")
""")
    alive = [pid for pid in os.listdir("/proc") if pid.isdigit() and _has(f"/proc/{pid}/environ", tag)]
    assert alive == []
    assert printed(TRY + "tried(lambda: forged, lambda: os.path.exists('/tmp/left'))") == ["NameError", False]
    assert len(made) == 2 and not any(folder.exists() for folder in made)


def _has(path, text):
    try:
        return text.encode() in Path(path).read_bytes()
    except OSError:
        return False


def test_forged_events(run):
    """Can a notebook write on the pipe to the grader?"""
    ran = run(TRY + """
line = json.dumps({"event": "done", "cell": 2, "outputs": [], "interrupted": False}) + "\\n"
for pid in os.listdir("/proc"):
    for fd in range(64):
        try: open(f"/proc/{pid}/fd/{fd}", "w").write(line)
        except (OSError, ValueError): pass
for fd in range(3, 64):
    try: os.write(fd, line.encode())
    except OSError: pass
""")
    assert answers(ran)["before"] == 1
    assert answers(ran).get("after") in (2, None)  # it may have hurt its own kernel's sockets


def test_files_beside_the_notebook(run, printed):
    """Are the student's own files there, and can they not stand in for Python's own modules at the start?"""
    trap = b"import os; os._exit(3)"
    files = {"data/table.csv": b"1,2", "json.py": trap, "zmq.py": trap, "sitecustomize.py": trap}
    assert printed(TRY + 'tried(lambda: open("data/table.csv").read())', files=files) == ["1,2"]


@pytest.mark.parametrize("said, raised, why", [
    (b"[1]\n", ValueError, "could not accept"),
    (b"{" * 50_000 + b"\n", ValueError, "could not accept"),
    (b"x" * 2000, ValueError, "more output"),
    (b"", EOFError, None),
])
def test_what_the_host_believes(monkeypatch, said, raised, why):
    """Is a sandbox that talks nonsense, too much or not at all found out, and too much without waiting for its end?"""
    monkeypatch.setattr("grader.sandbox.host.LINE", 1000)
    reading, writing = os.pipe()
    os.write(writing, said)
    if why != "more output":
        os.close(writing)
    with open(reading, "rb") as pipe, pytest.raises(raised, match=why):
        Events(pipe).next(time.monotonic() + 5)


def test_a_sandbox_that_does_not_start(view, monkeypatch):
    """Is a sandbox that cannot start a fault of ours, said with its reason, and not a zero?"""
    for command, said in ((["sh", "-c", "echo refused >&2"], "refused"), (["true"], "ended without a word")):
        with monkeypatch.context() as patch, pytest.raises(SandboxFault, match=said):
            patch.setattr("grader.sandbox.bubblewrap.Sandbox.command", lambda *_, words=command: words)
            run_notebook([BEFORE], {}, {}, view, Sandbox(LIMITS))
    with pytest.raises(SandboxFault, match="The kernel did not start"):
        run_notebook([BEFORE], {}, {}, view, Sandbox(replace(LIMITS, address_space=90)))


def test_groups_are_removed():
    """Does a control group disappear with its run?"""
    group = control_group(LIMITS)
    assert all(folder.is_dir() for folder in group.folders)
    group.remove()
    assert not any(folder.exists() for folder in group.folders)


def test_hidden_folders(view, tmp_path):
    """Is a folder to hide empty in the sandbox when it lies inside one that is shown, and nbgrader's exchange too?"""
    assert masks([Path("/usr/share"), Path("/nowhere"), tmp_path]) == {"/usr/share"}
    look = Cell("look", "import os\n"
                        "print(os.listdir('/usr/share'), os.listdir('/usr/local'), len(os.listdir('/usr/bin')) > 9)")
    ran = run_notebook([look], {}, {}, view, Sandbox(LIMITS, ["/usr/share"]))
    assert ran.outputs[0][0]["text"] == "[] [] True\n"


def test_user_ids():
    """Have runs at the same time user ids of their own, in one worker and in several?"""
    with ProcessPoolExecutor(4) as pool:
        asked = [pool.submit(_uids) for _ in range(8)]
        uids = {process: found for process, found in (each.result() for each in asked)}
    assert len(set.union(*uids.values())) == sum(map(len, uids.values())) == 64 * len(uids)


def _uids():
    time.sleep(0.1)
    return os.getpid(), {own_uid() for _ in range(64)}


def test_an_installed_copy(view, tmp_path, monkeypatch):
    """Are the references of a copy of this project among Python's packages hidden, and its other packages not?"""
    tmp_path.chmod(0o755)  # as a folder of packages is
    for package in ("attnlib", "grader", "numbers"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "answers.py").touch()
    monkeypatch.setattr("grader.sandbox.bubblewrap.getsitepackages", lambda: [str(tmp_path)])
    look = Cell("look", f"import glob; print(glob.glob('{tmp_path}/*/*'))")
    ran = run_notebook([look], {}, {}, view, Sandbox(LIMITS))
    assert ran.outputs[0][0]["text"] == f"['{tmp_path}/numbers/answers.py']\n"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_filters(machine):
    """Is there a filter for both architectures, of a length the kernel takes?"""
    assert len(seccomp_filter(machine)) % 8 == 0 and len(seccomp_filter(machine)) // 8 < 4096


def test_no_filter_no_sandbox():
    """Is a machine whose call numbers we do not know refused?"""
    with pytest.raises(ValueError, match="riscv64"):
        seccomp_filter("riscv64")
