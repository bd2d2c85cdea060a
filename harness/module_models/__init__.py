"""Models that are torch modules: those that transformers builds, and those of a file; what arms change in them."""
