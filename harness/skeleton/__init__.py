"""The files that a new suite starts from."""
