"""Occupancy limits of a compute unit on AMD's architectures.

The rules are LLVM's (`AMDGPUBaseInfo.cpp`, `IsaInfo`), by which the compiler itself prints a kernel's occupancy.
"""

from __future__ import annotations

import math

import msgspec

KIB = 1024
MOST_WORK_ITEMS = 1024
"""The largest workgroup on every architecture here."""
SGPR_WAVES = ((80, 10), (88, 9), (100, 8))
"""gfx9: (SGPRs of a wave, waves of a SIMD that they leave); 7 waves above the last entry."""


class AmdLimits(msgspec.Struct, frozen=True):
    """Limits of one architecture.

    `wave`: work-items of a wave. `simds`: per compute unit (CDNA) or workgroup processor (RDNA). `waves`: resident
    waves per SIMD. `vgprs`: registers of a SIMD for each lane of a wave of this size, AGPRs included where the
    architecture has them. `vgpr_unit`: allocation granularity of VGPRs. `lds_bytes`: LDS for all resident workgroups.
    `group_lds_bytes`: LDS for one workgroup. `lds_unit`: allocation granularity of LDS. `groups`: resident workgroups
    of several waves.
    """

    wave: int
    simds: int
    waves: int
    vgprs: int
    vgpr_unit: int
    lds_bytes: int
    group_lds_bytes: int
    lds_unit: int
    groups: int
    sgprs_count: bool


def _cdna(lds_kib: int, lds_unit: int) -> AmdLimits:
    return AmdLimits(64, 4, 8, 512, 8, lds_kib * KIB, lds_kib * KIB, lds_unit, 16, sgprs_count=True)


def _rdna(vgprs: int = 1536, vgpr_unit: int = 24) -> AmdLimits:
    return AmdLimits(32, 4, 16, vgprs, vgpr_unit, 128 * KIB, 64 * KIB, 512, 32, sgprs_count=False)


AMD_LIMITS = {
    "gfx90a": _cdna(64, 512),  # MI200
    "gfx942": _cdna(64, 512),  # MI300X, MI325X
    "gfx950": _cdna(160, 1280),  # MI350X, MI355X
    "gfx1100": _rdna(),  # RX 7900
    "gfx1201": _rdna(),  # RX 9070
}


def waves_per_simd(arch: str, vgprs: int, sgprs: int) -> int:
    """Waves per SIMD that a wave's registers alone allow."""
    limits = AMD_LIMITS[arch]
    granted = math.ceil(max(vgprs, 1) / limits.vgpr_unit) * limits.vgpr_unit
    waves = min(limits.waves, max(limits.vgprs // granted, 1))
    if limits.sgprs_count:
        waves = min(waves, next((most for bound, most in SGPR_WAVES if sgprs <= bound), 7))
    return waves


def groups_per_unit(arch: str, vgprs: int, sgprs: int, lds_bytes: int, num_warps: int) -> int:
    """The number of resident workgroups per compute unit (CDNA) or workgroup processor (RDNA); 0 where not even one
    fits.
    """
    limits = AMD_LIMITS[arch]
    waves = waves_per_simd(arch, vgprs, sgprs) * limits.simds
    by_waves = waves // num_warps
    if num_warps > 1:  # each of several waves takes a barrier
        by_waves = min(by_waves, limits.groups)
    if not lds_bytes:
        return by_waves
    if lds_bytes > limits.group_lds_bytes:
        return 0
    return min(by_waves, limits.lds_bytes // (math.ceil(lds_bytes / limits.lds_unit) * limits.lds_unit))


def group_does_not_fit(arch: str, lds_bytes: int, num_warps: int) -> str | None:
    """The reason why a workgroup can never start, or None."""
    limits = AMD_LIMITS[arch]
    items = limits.wave * num_warps
    if items > MOST_WORK_ITEMS:
        return (
            f"does not fit: {num_warps} warps are {items:,} work-items a workgroup in waves of {limits.wave}, "
            f"{arch} has {MOST_WORK_ITEMS:,}"
        )
    if lds_bytes > limits.group_lds_bytes:
        return f"does not fit: {lds_bytes:,} bytes of LDS a workgroup, {arch} has {limits.group_lds_bytes:,}"
    return None
