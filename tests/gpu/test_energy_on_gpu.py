"""Joules of a real GPU's counter: more than idle, no more than its limit, and twice as many for twice the work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from harness.device.nvidia import NvidiaDevice
from harness.measure import energy
from harness.measure.energy import EnergyMeter

pytestmark = [
    pytest.mark.gpu, pytest.mark.alone, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"),
]  # fmt: skip
SIZE = 8192


def products(count: int) -> Callable[[], None]:
    """So many matrix products of random numbers, one after the other."""
    left, out = (torch.randn(SIZE, SIZE, dtype=torch.bfloat16, device="cuda") for _ in range(2))

    def run() -> None:
        for _ in range(count):
            torch.mm(left, left, out=out)
        torch.cuda.synchronize()

    return run


def test_twice_the_work_takes_twice_the_joules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "WINDOWS", 3)
    device = NvidiaDevice()
    if device.joules() is None:
        pytest.skip("this GPU has no energy counter")
    meter = EnergyMeter(device)
    per_run: list[float] = []
    for count in (16, 32):
        windows = meter.windows(products(count), units=1)
        for window in windows:
            power_w = window.joules / window.seconds
            assert window.idle_w < power_w < 1.2 * device.facts()["power_limit_w"]
            assert window.resolution < 0.02
        per_run.append(sum(w.joules for w in windows) / sum(w.units for w in windows))
    assert per_run[1] / per_run[0] == pytest.approx(2, rel=0.05)
