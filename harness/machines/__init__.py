"""Machines over time: how fast each is beside its own usual, so that a slow card is named before a commit is blamed."""
