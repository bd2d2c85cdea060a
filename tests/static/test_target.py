"""What fits on an SM, against figures that NVIDIA publishes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.static.target import LIMITS, blocks_per_sm, does_not_fit, parse_target
from harness.values.binary import Binary

BINARY = Binary("ab" * 32, "sm_90", "3.6.0", "12.8.93", "kernel", 64, 0, 0, 0, 4)


@pytest.mark.parametrize(
    ("capability", "registers", "shared_bytes", "num_warps", "blocks"),
    [
        (90, 32, 0, 4, 16),  # 64 warps
        (90, 16, 0, 1, 32),  # 32 blocks
        (90, 255, 0, 4, 2),  # 256 registers a thread x 128 threads x 2
        (80, 64, 0, 8, 4),  # the 65,536 registers
        (80, 33, 0, 8, 6),  # 33 registers are handed out as 40
        (90, 32, 227 * 1024, 4, 1),  # a block with all that one block may have
        (80, 32, 40 * 1024, 4, 4),  # 4 x (40 + 1) KiB = 164 KiB
        (86, 32, 40 * 1024, 4, 2),
        (89, 16, 0, 2, 24),
        (90, 255, 0, 16, 0),  # too many registers for even one
        (91, 32, 0, 4, None),
    ],
)
def test_blocks_per_sm(capability: int, registers: int, shared_bytes: int, num_warps: int, blocks: int | None) -> None:
    assert blocks_per_sm(capability, registers, shared_bytes, num_warps) == blocks


@given(
    capability=st.sampled_from(sorted(LIMITS)), registers=st.integers(16, 255), warps=st.sampled_from([1, 2, 4, 8, 16]),
    shared=st.integers(0, 99 * 1024), more=st.integers(0, 4096),
)  # fmt: skip
def test_what_needs_more_never_fits_more_often(
    capability: int, registers: int, warps: int, shared: int, more: int
) -> None:
    fits = blocks_per_sm(capability, registers, shared, warps)
    greedier = blocks_per_sm(capability, min(registers + more, 255), shared + more, warps)
    assert fits is not None and greedier is not None and greedier <= fits


def test_what_cannot_start_says_why() -> None:
    assert does_not_fit(BINARY) is None
    big = msgspec.structs.replace(BINARY, shared_bytes=233_000)
    assert does_not_fit(big) == "does not fit: 233,000 bytes of shared memory a block, sm_90 has 232,448"
    wide = msgspec.structs.replace(BINARY, registers=255, num_warps=16)
    assert does_not_fit(wide) == "does not fit: 131,072 registers a block, sm_90 has 65,536"


def test_targets_have_one_name() -> None:
    assert [parse_target(name) for name in ("sm_90", "sm90", "90", "sm_90a", "sm_80")] == [90, 90, 90, 90, 80]
