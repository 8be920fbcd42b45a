"""Station 5: what an instructor reads, messages and the table of scores."""
