"""Notebooks with a cell that uses up memory, files or processes: that cell is lost and told, and nothing else."""

from tests.grader.corpus import of_notebook
from tests.grader.sample_class import filled, solutions

BOMBS = {  # student: what the cell does, and what is told of it
    "shared_memory_without_end": (
        "import mmap\nheld = [mmap.mmap(-1, 1 << 30) for _ in range(3)]\n"
        "for each in held:\n    for i in range(0, 1 << 30, 4096): each[i] = 1", "memory"),
    "memory_in_three_children": (
        "import os, time\nfor _ in range(3):\n    if os.fork() == 0: hog = b'x' * (1400 << 20); time.sleep(60)\n"
        "for _ in range(3): os.wait()", "memory"),
    "empty_files_without_end": (
        "import itertools\nfor i in itertools.count(): open(f'/tmp/{i}', 'w').close()", "files and folders"),
    "fork_bomb": ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "128 processes"),
    "thread_bomb": (
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()", "128 processes"),
}


def with_a_cell(source):
    """The solved notebook with one more code cell at its end."""
    notebook = filled(solutions())
    notebook["cells"].append({"cell_type": "code", "id": "one-more", "metadata": {}, "source": source, "outputs": [],
                              "execution_count": None})
    return notebook


SUBMISSIONS = [of_notebook(student, with_a_cell(source), 18, told=[what], shown=[what])
               for student, (source, what) in BOMBS.items()]
