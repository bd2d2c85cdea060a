"""Numbers from samples: pure functions. The error is taken at the level at which it arises, between fresh processes."""

from harness.stats.estimate import PROCESS_NOISE, assumed_noise, estimate, estimate_of, median_interval, process_medians
from harness.stats.ratio import ratio

__all__ = ["PROCESS_NOISE", "assumed_noise", "estimate", "estimate_of", "median_interval", "process_medians", "ratio"]
