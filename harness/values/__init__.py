"""Frozen value types for questions, measurements and their circumstances. No IO, no torch. Names carry the unit."""
