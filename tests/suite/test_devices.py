"""devices.yaml: peak figures that can be found by a device's name, each with its source."""

from __future__ import annotations

import pytest

from harness.suite.nodes import Node, parse
from tests.conftest import REPOSITORY

FILE = REPOSITORY / "suites" / "devices.yaml"
DEVICES: dict[str, Node] = dict(parse(FILE.read_text(), FILE).items())


def matching(device: str) -> list[str]:
    """The blocks all of whose words are in a device's name."""
    words = {name: [word.value for word in block.value["match"].elements()] for name, block in DEVICES.items()}
    return [name for name, found in words.items() if all(word.lower() in device.lower() for word in found)]


@pytest.mark.parametrize(
    ("device", "block"),
    [
        ("NVIDIA A100-SXM4-80GB", "nvidia-a100-80gb-sxm"),
        ("NVIDIA A100 80GB PCIe", "nvidia-a100-80gb-pcie"),
        ("NVIDIA A100-PCIE-40GB", "nvidia-a100-40gb-pcie"),
        ("NVIDIA H100 80GB HBM3", "nvidia-h100-sxm"),
        ("NVIDIA H100 PCIe", "nvidia-h100-pcie"),
        ("NVIDIA H200", "nvidia-h200-sxm"),
        ("NVIDIA L40S", "nvidia-l40s"),
        ("AMD Instinct MI300X", "amd-mi300x"),
        ("AMD Instinct MI325X", "amd-mi325x"),
        ("AMD Instinct MI355X", "amd-mi355x"),
        ("AMD Radeon RX 7900 XTX", "amd-rx-7900-xtx"),
    ],
)
def test_each_device_has_exactly_one_block(device: str, block: str) -> None:
    """The name that the driver gives leads to one block and no other."""
    assert matching(device) == [block]


@pytest.mark.parametrize("name", DEVICES)
def test_each_figure_is_sane_and_has_a_source(name: str) -> None:
    """Bandwidth in GB/s and FLOP/s in T; a unit mistaken by 1000 would be outside of these ranges."""
    block = DEVICES[name].value
    assert set(block) == {"match", "memory_gb_s", "bf16_tflop_s", "source"}
    assert 500 < block["memory_gb_s"].value < 10_000 and 100 < block["bf16_tflop_s"].value < 3_000
    assert "data sheet" in block["source"].value
