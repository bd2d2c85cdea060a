"""A suite to its cases: the variant that answers each, and its sizes. No torch; the device is not touched."""

from harness.plan.plan import expand, sweep_plan

__all__ = ["expand", "sweep_plan"]
