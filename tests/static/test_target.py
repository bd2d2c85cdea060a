"""What fits on an SM, against figures that NVIDIA publishes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.static.amd_limits import groups_per_unit
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
    found = [parse_target(name) for name in ("sm_90", "sm90", "90", "sm_90a", "sm_80", "gfx942", "gfx1100")]
    assert [target.name for target in found] == [*["sm_90"] * 4, "sm_80", "gfx942", "gfx1100"]
    assert [(target.backend, target.arch, target.warp) for target in found[3:]] == [
        ("cuda", 90, 32), ("cuda", 80, 32), ("hip", "gfx942", 64), ("hip", "gfx1100", 32)
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["sm_91", "gfx941", "mi300x", "942"])
def test_an_unknown_target_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(HarnessError, match=f"--target: unknown target {name};.*gfx942"):
        parse_target(name)


@pytest.mark.parametrize(
    ("arch", "vgprs", "lds_bytes", "num_warps", "groups"),
    [
        ("gfx942", 64, 0, 4, 8),  # 8 waves on each of 4 SIMDs
        ("gfx942", 65, 0, 4, 7),  # 72 of 512 registers
        ("gfx942", 512, 0, 8, 0),  # one wave on a SIMD is four, and it has eight
        ("gfx942", 32, 64 * 1024, 4, 1),  # all LDS of a compute unit
        ("gfx950", 32, 64 * 1024, 4, 2),  # of 160 KiB
        ("gfx942", 32, 0, 1, 32),
        ("gfx1100", 96, 0, 4, 16),  # 1,536 registers are 16 waves of 96
        ("gfx1100", 97, 0, 4, 12),  # of 120
        ("gfx1100", 32, 64 * 1024, 4, 2),  # both halves of a workgroup processor
        ("gfx1100", 32, 65 * 1024, 4, 0),
    ],
)
def test_workgroups_of_a_compute_unit(arch: str, vgprs: int, lds_bytes: int, num_warps: int, groups: int) -> None:
    assert groups_per_unit(arch, vgprs, 32, lds_bytes, num_warps) == groups


def test_a_workgroup_that_cannot_start_says_why() -> None:
    of_amd = msgspec.structs.replace(BINARY, target="gfx942", warp=64, ptxas="")
    assert does_not_fit(of_amd) is None and of_amd.threads == 256
    wide = msgspec.structs.replace(of_amd, num_warps=32)
    assert does_not_fit(wide) == (
        "does not fit: 32 warps are 2,048 work-items a workgroup in waves of 64, gfx942 has 1,024"
    )
    big = msgspec.structs.replace(of_amd, shared_bytes=70_000)
    assert does_not_fit(big) == "does not fit: 70,000 bytes of LDS a workgroup, gfx942 has 65,536"
    assert does_not_fit(msgspec.structs.replace(big, target="gfx950")) is None
