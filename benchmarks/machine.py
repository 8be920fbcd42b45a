"""What the figures of a benchmark were measured on: the CPU, its caches, how loaded it is, and NumPy's BLAS.

Every benchmark starts with `print(told())`. A busy machine gives wrong ratios (0.61 to 2.0 where a quiet one gives 0.97
to 2.1), so `told` then ends the program with status 1 and a sentence; with --busy it goes on and says so. One that
runs for minutes, as attention_speed.py, asks `stop_if_busy` again before it prints a row.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

BUSY = 0.1  # largest share of the processors' time that others may take


def told():
    """The machine in a few lines, for the head of a table. Ends the program on a busy one, unless it got --busy."""
    share, load = busy_share(), os.getloadavg()[0]
    stop_if(share, "in a second")
    head = "" if share <= BUSY else f"MEASURED ON A BUSY MACHINE ({share:.0%} taken by others): no figure to keep.\n"
    return f"{head}{cpu()}\nload {load:.2f}, {share:.0%} of the processors' time taken by others\n{blas()}"


def stop_if(share, when):
    """End the program if others took too large a share of the processors' time, unless it got --busy."""
    if share > BUSY and "--busy" not in sys.argv:
        sys.exit(
            f"The machine is busy: others took {share:.0%} of its processors' time {when} "
            f"(load {os.getloadavg()[0]:.1f}). "
            "Figures would be wrong, so none are printed. Wait until it is quiet, or add --busy."
        )


def stop_if_busy(since):
    """End the program if others took more than `BUSY` of the time since then, a value of `spent`. Returns a new one."""
    now = spent()
    (idle, total), own = (later - then for later, then in zip(now[0], since[0])), now[1] - since[1]
    stop_if(1 - (idle + own) / max(total, 1), "while a row was measured")
    return now


def spent():
    """The processors' times so far, and this process's own, its children's included: all in ticks."""
    return processor_times(), sum(os.times()[:4]) * os.sysconf("SC_CLK_TCK")


def busy_share(seconds=1):
    """The share of all processors' time in which somebody else computes, measured while this process sleeps."""
    before = processor_times()
    time.sleep(seconds)
    idle, total = (now - then for now, then in zip(processor_times(), before))
    return 1 - idle / max(total, 1)


def processor_times():
    """Idle and all time of all processors so far, in ticks: the first line of /proc/stat, where there is one."""
    try:
        ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    except OSError:
        return time.monotonic(), time.monotonic()
    return ticks[3] + ticks[4], sum(ticks)  # idle and waiting for a disk


def cpu():
    """The processor's name, how many there are, and their caches."""
    try:
        said = subprocess.run(["lscpu"], capture_output=True, text=True, check=True, env=os.environ | {"LC_ALL": "C"})
    except (OSError, subprocess.CalledProcessError):
        return f"{os.cpu_count()} processors, of unknown kind"
    about = dict(re.findall(r"^\s*([^:\n]+):\s+(.*)$", said.stdout, re.MULTILINE))
    caches = ", ".join(f"{name} {about[f'{name} cache']}" for name in ("L1d", "L2", "L3") if f"{name} cache" in about)
    return f"{about.get('Model name', 'unknown CPU')}, {os.cpu_count()} processors; {caches}"


def blas():
    """NumPy's BLAS, the kernels it chose, and how many threads it uses."""
    import numpy as np
    from threadpoolctl import threadpool_info

    found = [
        f"{one['internal_api']} {one['version']}, {one.get('architecture', 'unknown')} kernels, "
        f"{one['num_threads']} threads" for one in threadpool_info() if one["user_api"] == "blas"
    ]
    return f"NumPy {np.__version__}, {'; '.join(found) or 'BLAS unknown'}"


if __name__ == "__main__":
    print(told())
