"""Station 1: what was handed in, read and put back into the shape of the release. Nothing of it is run."""
