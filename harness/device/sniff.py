"""Probes the machine before a run: memory, a product, launches, and the clocks meanwhile. Takes under a second."""

from __future__ import annotations

import socket
import time

import torch

from harness.device.device import Device
from harness.device.host import cpu_clock_mhz, cpu_governor
from harness.values.machine import Sniff

GPU_WIDTH, CPU_WIDTH = 4096, 512
"""Side of the square product: large enough to fill each kind of device, in bfloat16 and float32."""
GPU_PRODUCTS, CPU_PRODUCTS = 60, 1
"""Products between two readings of the clock: some 12 ms of an H100, so that the driver's clocks are those of load."""
READINGS = 8
LAUNCHES = 200


def sniff(device: Device) -> Sniff:
    """The best of several readings of each probe: a disturbance of one reading says nothing about the machine."""
    read_gb_s = device.read_gb_s()
    begin = time.perf_counter()
    width, products = (GPU_WIDTH, GPU_PRODUCTS) if device.gpu else (CPU_WIDTH, CPU_PRODUCTS)
    dtype = torch.bfloat16 if device.gpu else torch.float32
    with torch.inference_mode():
        a = torch.randn(width, width, device=device.tensors, generator=_drawn(device)).to(dtype)
        out = torch.empty_like(a)
        torch.mm(a, a, out=out)  # chooses its kernel
        matmul_us = []
        for _ in range(READINGS):
            with device.stopwatch() as watch:
                for _ in range(products):
                    torch.mm(a, a, out=out)
                now = device.conditions(0, 0)  # the products are queued, not done
            matmul_us.append(watch.us / products)
        launch_us = _launch_us(device)
    return Sniff(
        socket.gethostname(), read_gb_s, min(matmul_us), launch_us, time.perf_counter() - begin, device.vbios(),
        now.sm_clock_mhz, now.memory_clock_mhz, now.temperature_c, now.power_w, now.throttle_reasons,
        cpu_clock_mhz(), cpu_governor(),
    )  # fmt: skip


def _launch_us(device: Device) -> float:
    one = torch.ones(1, device=device.tensors)
    one.add_(1)
    found = []
    for _ in range(READINGS):
        device.synchronize()
        begin = time.perf_counter()
        for _ in range(LAUNCHES):
            one.add_(1)
        device.synchronize()
        found.append((time.perf_counter() - begin) * 1e6 / LAUNCHES)
    return min(found)


def _drawn(device: Device) -> torch.Generator:
    """The same values each time: a GPU's power, and so its clock, depends on the bits that it multiplies."""
    return torch.Generator(device.tensors).manual_seed(0)
