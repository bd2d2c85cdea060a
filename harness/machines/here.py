"""The machine that this command runs on, named as its runs name it; without torch."""

from __future__ import annotations

from harness.device.host import cpu_name
from harness.device.nvml import first_visible_gpu


def machine_here() -> str:
    """The value that `Environment.machine` would have in a run that begins now."""
    gpu = first_visible_gpu()
    return cpu_name() if gpu is None else f"{gpu.ask('Name')} {str(gpu.ask('UUID'))[:8]}"
