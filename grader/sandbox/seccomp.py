"""Build the system-call filter of the sandbox: the bytes that bubblewrap's --seccomp reads.

A classic BPF program over struct seccomp_data: the call's number at offset 0, the architecture at 4,
the arguments from 16 on, 8 bytes each (Linux, Documentation/userspace-api/seccomp_filter.rst).
"""

import platform
import socket
import struct

from grader.sandbox.syscalls import ALLOWED

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # machine: (audit number, column in ALLOWED)

LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT, THIRD_ARGUMENT = 0, 4, 16, 24, 32
KILL, ALLOW, NOT_PERMITTED, NOT_IMPLEMENTED, NO_FAMILY = 0x80000000, 0x7FFF0000, 0x50001, 0x50026, 0x50061

NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW* flag
# Internet sockets end in the sandbox's own empty network; libzmq lists its interfaces (netlink's protocol 0).
FAMILIES, LISTING = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6), (socket.AF_NETLINK, 0)
# The runner watches time and memory: nobody may take its limits or its turn on the processor. It has several threads,
# whose numbers nobody knows beforehand, so these calls are for the caller itself, which is 0, and nobody else.
CALLER, RUNNER, USUAL_POLICY = 0, 1, 0
UPON_A_PROCESS = ("prlimit64", "sched_setparam")
PR_SCHED_CORE = 62  # takes the number of another process
SO_SNDBUF, SO_RCVBUF = 7, 8  # of a socket; with buffers larger than the usual, the runner's count of memory is wrong
GUARDED = {"clone", "ioctl", "socket", "prctl", "setsockopt", "sched_setscheduler", "setpriority", *UPON_A_PROCESS}
TIOCSTI, TIOCLINUX = 0x5412, 0x541C  # type into, and paste into, a terminal


def seccomp_filter(machine: str | None = None) -> bytes:
    """The filter for `machine` (this one when left out).

    Calls that are not in ALLOWED fail with ENOSYS. New namespaces, typing into terminals, larger buffers for sockets
    and calls upon another process fail with EPERM, sockets of other FAMILIES with EAFNOSUPPORT. Another
    architecture's calls kill the process. Raises ValueError for a machine whose call numbers we do not have.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise ValueError(f"sandbox: no system-call filter for {machine}; there is one for {', '.join(ARCHITECTURES)}")
    audit, column = ARCHITECTURES[machine]
    numbers = {name: number for name, row in ALLOWED.items() if (number := row[column]) is not None}
    program = [
        _step(LOAD, ARCHITECTURE),
        *_return_if(EQUAL, audit, KILL, negate=True),
        _step(LOAD, NUMBER),
    ]
    for name in sorted(set(numbers) - GUARDED, key=lambda name: numbers[name]):
        program += _return_if(EQUAL, numbers[name], ALLOW)
    program += _guarded(numbers["clone"], FIRST_ARGUMENT, [(ANY_BIT, NEW_NAMESPACES, NOT_PERMITTED)], ALLOW)
    typing = [(EQUAL, TIOCSTI, NOT_PERMITTED), (EQUAL, TIOCLINUX, NOT_PERMITTED)]
    program += _guarded(numbers["ioctl"], SECOND_ARGUMENT, typing, ALLOW)
    program += _guarded(numbers["prctl"], FIRST_ARGUMENT, [(EQUAL, PR_SCHED_CORE, NOT_PERMITTED)], ALLOW)
    buffers = [(EQUAL, SO_SNDBUF, NOT_PERMITTED), (EQUAL, SO_RCVBUF, NOT_PERMITTED)]
    program += _guarded(numbers["setsockopt"], THIRD_ARGUMENT, buffers, ALLOW)
    for name in UPON_A_PROCESS:
        program += _guarded(numbers[name], FIRST_ARGUMENT, [(EQUAL, CALLER, ALLOW)], NOT_PERMITTED)
    program += _priority(numbers["setpriority"]) + _scheduler(numbers["sched_setscheduler"])
    program += _sockets(numbers["socket"])
    program.append(_step(RETURN, NOT_IMPLEMENTED))
    return b"".join(program)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _return_if(test: int, value: int, verdict: int, negate: bool = False) -> list[bytes]:
    """Two steps: return `verdict` when the loaded word passes `test` (or, negated, when it does not)."""
    skip = (1, 0) if negate else (0, 1)
    return [_step(test, value, *skip), _step(RETURN, verdict)]


def _guarded(number: int, argument: int, rules: list[tuple[int, int, int]], otherwise: int) -> list[bytes]:
    """For the call `number`, look at one argument: the first rule that matches decides, else `otherwise`."""
    body = [_step(LOAD, argument)]
    for test, value, verdict in rules:
        body += _return_if(test, value, verdict)
    body.append(_step(RETURN, otherwise))
    return [_step(EQUAL, number, 0, len(body)), *body]


def _priority(number: int) -> list[bytes]:
    """For the call setpriority(which, who, priority): of the process, 0, that calls, 0."""
    body = [_step(LOAD, FIRST_ARGUMENT), *_return_if(EQUAL, 0, NOT_PERMITTED, negate=True),
            _step(LOAD, SECOND_ARGUMENT), *_return_if(EQUAL, CALLER, NOT_PERMITTED, negate=True), _step(RETURN, ALLOW)]
    return [_step(EQUAL, number, 0, len(body)), *body]


def _scheduler(number: int) -> list[bytes]:
    """For the call sched_setscheduler(thread, policy, …): the caller's own, and the policy that every thread has.

    libzmq gives the latter to each of its threads, by its number.
    """
    body = [
        _step(LOAD, FIRST_ARGUMENT), *_return_if(EQUAL, CALLER, ALLOW), *_return_if(EQUAL, RUNNER, NOT_PERMITTED),
        _step(LOAD, SECOND_ARGUMENT), *_return_if(EQUAL, USUAL_POLICY, ALLOW), _step(RETURN, NOT_PERMITTED)]
    return [_step(EQUAL, number, 0, len(body)), *body]


def _sockets(number: int) -> list[bytes]:
    """For the call socket(family, type, protocol): FAMILIES, and LISTING with its protocol."""
    family, protocol = LISTING
    listing = [_step(LOAD, THIRD_ARGUMENT), *_return_if(EQUAL, protocol, ALLOW)]
    body = [_step(LOAD, FIRST_ARGUMENT)]
    for each in FAMILIES:
        body += _return_if(EQUAL, each, ALLOW)
    body += [_step(EQUAL, family, 0, len(listing)), *listing, _step(RETURN, NO_FAMILY)]
    return [_step(EQUAL, number, 0, len(body)), *body]
