"""Machines over time: the speed of each beside its usual one, so that a slow card is named before a commit is
blamed."""
