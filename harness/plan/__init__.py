"""A suite to its cases: which variant answers what, with which sizes. No torch; the device is not touched."""

from harness.plan.plan import expand, sweep_plan

__all__ = ["expand", "sweep_plan"]
