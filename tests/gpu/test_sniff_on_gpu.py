"""On a GPU: the look at the machine before a run, its cost and its spread."""

from __future__ import annotations

import time

import pytest
import torch

from harness.device.choice import open_device
from harness.device.sniff import sniff

PAUSE_S = 2.0

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]


@pytest.mark.alone
def test_a_look_is_cheap_and_says_what_the_driver_knows() -> None:
    """Under a second beside the bandwidth, with clocks of load; five looks agree within the bound of slow.

    Each from an idle GPU, as a run takes it: ten looks in one second brought an H200 from 90 to 670 W and to its power
    cap, and products from 171 to 195 us.
    """
    device, looks = open_device(), []
    for _ in range(5):
        time.sleep(PAUSE_S)
        looks.append(sniff(device))
    assert all(look.seconds < 1 for look in looks[1:])
    newest = looks[-1]
    assert newest.vbios and newest.sm_clock_mhz and newest.power_w and newest.temperature_c
    assert newest.read_gb_s > 100 and 0.5 < newest.launch_us < 50
    matmul = sorted(look.matmul_us for look in looks[1:])
    assert matmul[-1] / matmul[0] < 1.05
