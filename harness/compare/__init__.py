"""Verdicts from two stored runs, or two arms of one. This folder measures nothing."""

from harness.compare.judge import compare
from harness.compare.policy import Policy, policy_of
from harness.compare.sides import StoredSide, is_stored, load_sides

__all__ = ["Policy", "StoredSide", "compare", "is_stored", "load_sides", "policy_of"]
