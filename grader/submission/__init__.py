"""Station 1: what was handed in, read, and completed from the release. Nothing of it is run."""
