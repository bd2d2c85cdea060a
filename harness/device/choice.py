"""The one place where a device is chosen."""

from __future__ import annotations

from harness.device.device import Device


def gpu_is_usable() -> bool:
    """Whether `open_device` would open a GPU; creates no context on it."""
    import torch

    return torch.cuda.is_available()


def open_device() -> Device:
    """The first GPU that torch can use, else the CPU. Raises no error: a missing feature shows when it is used."""
    if gpu_is_usable():
        from harness.device.nvidia import NvidiaDevice

        return NvidiaDevice()
    from harness.device.cpu import CpuDevice

    return CpuDevice()
