"""Traces of torch.profiler: one reader for files of any origin and for the live profile."""

from harness.trace.breakdown import breakdown, captured_step, recorded_ops
from harness.trace.categories import Rules, load_rules
from harness.trace.difference import difference

__all__ = ["Rules", "breakdown", "captured_step", "difference", "load_rules", "recorded_ops"]
