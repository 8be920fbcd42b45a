"""What a killed grader leaves behind, really killed: is it gone after the next run, and nothing else with it?"""

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.class_run import grade_class
from grader.course import REPOSITORY, Course
from grader.sandbox import leftovers
from grader.sandbox.leftovers import LOCK, MARK, new_folder, own_folder, remove_leftovers
from tests.grader.sample_class import STEM, filled, solutions, text

MAKE = """
import os, signal, sys
from grader.sandbox.leftovers import *
folder = new_folder("stage")
(folder / "in").mkdir(); (folder / "in" / "file").write_text("x"); (folder / "python0").mkdir()
print(own_folder(), flush=True)
"""


def made(then):
    """The folder that another process made, before it did `then`."""
    ran = subprocess.run([sys.executable, "-c", MAKE + then], cwd=REPOSITORY, capture_output=True, text=True)
    return Path(ran.stdout.strip())


KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


def test_a_process_that_ends(tmp_path):
    """Does the folder of a process that ends well go with it?"""
    assert not made("").exists()


def test_a_process_that_was_killed(tmp_path):
    """Is the folder of a killed process removed by the next, with all that is in it?"""
    folder = made(KILLED)
    assert (folder / LOCK).exists()
    remove_leftovers(tmp_path)
    assert not folder.exists()


def test_a_process_at_work(tmp_path):
    """Is the folder of another grader at work kept, and our own?"""
    other = subprocess.Popen([sys.executable, "-c", MAKE + "input()"], cwd=REPOSITORY, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    folder = Path(other.stdout.readline().strip())
    ours = new_folder("run")
    remove_leftovers(tmp_path)
    assert (folder / LOCK).exists() and ours.exists()
    ours.rmdir()
    other.communicate("\n")
    assert not folder.exists()


def test_a_python_that_is_still_there(tmp_path):
    """Is nothing removed from a folder that Python is bound to, so that Python cannot be deleted?"""
    folder = made(KILLED)
    python = next(folder.glob("stage-*")) / "python0/bin"
    python.mkdir()
    remove_leftovers(tmp_path)
    assert python.exists() and (folder / LOCK).exists()
    python.rmdir()
    remove_leftovers(tmp_path)
    assert not folder.exists()


def test_what_is_not_a_grader_s(tmp_path, monkeypatch):
    """Are links, files, and folders without a lock or of another user left alone, and nothing behind a link touched?"""
    place, elsewhere = tmp_path / "tmp", tmp_path / "elsewhere"
    for folder in (place / "grader-mine_1a2", place / "grader-theirs_1", elsewhere / "precious"):
        folder.mkdir(parents=True)
    (place / "grader-theirs_1" / LOCK).write_text(MARK.format("grader-theirs_1"))
    (elsewhere / LOCK).write_text(MARK.format("grader-linked_l"))
    (place / "grader-linked12").symlink_to(elsewhere)
    (place / "grader-file1234").touch()
    (place / "grader-linked_l").mkdir()
    (place / "grader-linked_l" / LOCK).symlink_to(elsewhere / LOCK)
    abandoned = place / "grader-left_1a2"
    (abandoned / "run-1").mkdir(parents=True)
    (abandoned / LOCK).write_text(MARK.format(abandoned.name))
    (abandoned / "run-1" / "link").symlink_to(elsewhere)
    (abandoned / "link").symlink_to(elsewhere)
    before = sorted(os.listdir(place))
    monkeypatch.setattr(leftovers, "PLACE", place)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(place)) == before
    monkeypatch.undo()
    monkeypatch.setattr(leftovers, "PLACE", place)
    (place / "grader-theirs_1" / LOCK).unlink()
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(place)) == sorted({*before} - {abandoned.name})
    assert (elsewhere / "precious").exists() and (elsewhere / LOCK).exists()


def test_half_written_files(tmp_path):
    """Are half-written secrets and results of a killed grader removed, and kept those of one at work, and backups?"""
    (tmp_path / "results").mkdir()
    kept = ["secret", f"secret.{os.getpid()}", "results/abc.json", f"results/.new-{os.getpid()}-x", "secret.bak",
            "secret.2026-03-01", "secret.4194999.bak", "results/.new-abc", "results/.new-4194999"]
    gone = ["secret.4194999", "results/.new-4194999-x"]
    for name in (*kept, *gone):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert all((tmp_path / name).exists() for name in kept)
    assert not any((tmp_path / name).exists() for name in gone)


@pytest.mark.parametrize("name", ["grader-backup", "grader-backup01", "grader-2026_03_01"])
@pytest.mark.parametrize("copied", ["course", "own"])
def test_a_backup_in_tmp(tmp_path, monkeypatch, name, copied):
    """Is a copy left alone that somebody made of a course's .grader, or of a grader's folder, whatever its name?"""
    lock = "" if copied == "course" else MARK.format("grader-abcd1234")
    (tmp_path / name / "results").mkdir(parents=True)
    (tmp_path / name / LOCK).write_text(lock)
    (tmp_path / name / "secret").write_bytes(bytes(32))
    monkeypatch.setattr(leftovers, "PLACE", tmp_path)
    remove_leftovers(tmp_path / "course")
    assert sorted(os.listdir(tmp_path / name)) == [LOCK, "results", "secret"]


def test_something_is_mounted_in_it(tmp_path, monkeypatch):
    """Is a folder left alone in which something is mounted, and what is mounted there, and removed once it is not?"""
    left, precious = tmp_path / "place" / "grader-left_1a2", tmp_path / "precious"
    (left / "a folder").mkdir(parents=True)
    (left / LOCK).write_text(MARK.format(left.name))
    precious.mkdir()
    (precious / "file").touch()
    monkeypatch.setattr(leftovers, "PLACE", left.parent)
    if subprocess.run(["mount", "--bind", precious, left / "a folder"], capture_output=True).returncode:
        pytest.skip("only root can mount")
    try:
        remove_leftovers(tmp_path)
        assert (left / LOCK).exists() and (left / "a folder" / "file").exists()
    finally:
        subprocess.run(["umount", left / "a folder"], check=True)
    remove_leftovers(tmp_path)
    assert not left.exists() and (precious / "file").exists()


def test_own_folder_is_made_again():
    """When somebody cleans /tmp while a grader is at work, does it go on in a new folder?"""
    first = own_folder()
    leftovers._remove(first)
    assert own_folder() != first and own_folder().is_dir() and own_folder() == own_folder()


def processes():
    """{(process, when it started): the process it was started by} of this machine; zombies have ended."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, parent, *others = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if state not in "ZX":
            found[pid, others[17]] = parent
    return found


def started_by(pid):
    """Those of `processes` that descend from the process `pid`, itself included."""
    everybody, family = processes(), {str(pid)}
    while more := {child for (child, _), parent in everybody.items() if parent in family} - family:
        family |= more
    return {process for process in everybody if process[0] in family}


def left_behind():
    """What graders that are gone have left in /tmp and among the control groups, and that is ours to remove."""
    groups = [*Path("/sys/fs/cgroup").glob("*/grader-*"), *Path("/sys/fs/cgroup").glob("grader-*")]
    gone = [group for group in groups if not Path(f"/proc/{group.name.split('-')[-2]}").exists()]
    return {path for path in [*gone, *map(Path.parent.fget, Path("/tmp").glob(f"grader-*/{LOCK}"))]
            if os.access(path, os.W_OK) and path.stat().st_uid == os.geteuid() and is_unlocked(path)}


def is_unlocked(path):
    """Whether nobody holds the lock of a grader's folder or group."""
    lock = os.open(path / LOCK if (path / LOCK).exists() else path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


@pytest.mark.slow
@pytest.mark.sandbox
def test_a_grader_killed_at_any_moment(tmp_path):
    """When a grader is killed again and again, does no process stay, and the next run clean up and grade?"""
    course = Course.at(tmp_path / "course")
    for i in range(4):
        notebook = filled({name: f"{source}\nstudent = {i}\nimport time; time.sleep(0.3)"
                           for name, source in solutions().items()})
        folder = course.submitted / f"s{i}" / STEM
        folder.mkdir(parents=True)
        (folder / f"{STEM}.ipynb").write_text(text(notebook))
    command = [sys.executable, "-m", "grader", STEM, "--course", str(course.folder), "--jobs", "2"]
    killed = []
    for _ in range(4):
        grader = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(1, 8))
        family = started_by(grader.pid)
        grader.kill()
        killed.append(grader.wait() == -signal.SIGKILL)
        for _ in range(100):  # a moment to die
            if not family & set(processes()):
                break
            time.sleep(0.1)
        assert not family & set(processes())
    assert any(killed)
    last = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert last.returncode == 0, last.stdout + last.stderr
    assert left_behind() == set()
    assert not [path for path in course.own.rglob("*") if path.name.startswith((".new-", "secret."))]
    assert not any("/grader-" in mount for mount in Path("/proc/self/mounts").read_text().splitlines())
    rows = grade_class(course, STEM)
    assert [sum(row.scores.values()) for row in rows] == [18] * 4 and not any(row.ran for row in rows)
