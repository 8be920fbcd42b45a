"""The one file of ours that runs inside the sandbox."""
