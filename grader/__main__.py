"""python -m grader SET: grade a problem set of a whole class."""

import sys

try:
    from grader.command import main
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] in ("attnlib", "grader"):
        raise
    sys.exit(f"grader: the package {error.name} is not installed; run: pip install 'self-attention-worked-out[grader]'")

if __name__ == "__main__":
    sys.exit(main())
