"""Which modules pytest cannot even import here: Triton has no build for some systems."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("triton") else ["attnlib/devices/triton_attention.py"]
