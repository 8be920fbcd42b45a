"""python -m grader SET: grade a problem set of a whole class."""

import sys

# jsonschema imports this if it can, to check a format that nbformat never uses: it takes most of nbgrader's start.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

try:
    from grader.command import main
except ModuleNotFoundError as error:
    package = str(error.name).partition(".")[0]
    if package in ("attnlib", "grader"):
        raise
    sys.exit(f"grader: the package {package} is not installed; run: pip install 'self-attention-worked-out[grader]'")

if __name__ == "__main__":
    sys.exit(main())
