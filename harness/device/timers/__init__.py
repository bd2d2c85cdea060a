"""The timers that a suite may name.

Each is a module of this folder with `make(device) -> Timer`, named once in `harness.values.suite.TimerName`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.device.device import Device
    from harness.device.timer import Timer


def make_timer(name: str, device: Device) -> Timer:
    """The timer of that name on a device. Raises TimerUnavailable where it cannot run there."""
    timer: Timer = import_module(f"{__name__}.{name}").make(device)
    return timer
