"""The machine that this command runs on, named as its runs name it; without torch."""

from __future__ import annotations

import socket

from harness.device.host import cpu_name
from harness.device.nvml import first_visible_gpu


def machine_here() -> str:
    """The value that `CaseSeries.place` would have for a run that begins now and looks at its machine."""
    gpu = first_visible_gpu()
    return f"{cpu_name()} at {socket.gethostname()}" if gpu is None else f"{gpu.ask('Name')} {str(gpu.ask('UUID'))[:8]}"
