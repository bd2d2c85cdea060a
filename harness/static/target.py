"""The GPU architectures that the harness compiles for, and the occupancy of one of NVIDIA's SMs."""

from __future__ import annotations

import math
import re

import msgspec

from harness.device.nvml import all_gpus, open_nvml
from harness.errors import HarnessError, allowed
from harness.static.amd_limits import AMD_LIMITS, group_does_not_fit
from harness.values.binary import Binary

KIB = 1024
WARP = 32
REGISTER_UNIT = 256
"""Allocation granularity of a warp's registers."""
SHARED_UNIT = 128
"""Allocation granularity of a block's shared memory, in bytes."""
RESERVED_SHARED_BYTES = 1 * KIB
"""Shared memory of an SM that CUDA reserves for each block, from compute capability 8.0 on."""


class Limits(msgspec.Struct, frozen=True):
    """Limits of one SM: resident warps and blocks, bytes of shared memory for all blocks and for one, registers."""

    warps: int
    blocks: int
    shared_bytes: int
    block_shared_bytes: int
    registers: int = 65536
    block_registers: int = 65536


LIMITS = {
    80: Limits(64, 32, 164 * KIB, 163 * KIB),
    86: Limits(48, 16, 100 * KIB, 99 * KIB),
    87: Limits(48, 16, 164 * KIB, 163 * KIB),
    89: Limits(48, 24, 100 * KIB, 99 * KIB),
    90: Limits(64, 32, 228 * KIB, 227 * KIB),
    100: Limits(64, 32, 228 * KIB, 227 * KIB),
    120: Limits(48, 24, 100 * KIB, 99 * KIB),
}
"""By compute capability, from the CUDA C++ Programming Guide 13, "Technical Specifications per Compute Capability".

The allocation units are those of the occupancy calculator of Nsight Compute.
"""
KNOWN = (*(f"sm_{capability}" for capability in LIMITS), *AMD_LIMITS)


class Target(msgspec.Struct, frozen=True):
    """`name`: `sm_90`, `gfx942`. `backend`: Triton's name for it, `cuda` or `hip`. `arch`: the argument of Triton's
    `GPUTarget`, a compute capability or a name. `warp`: threads of a warp, work-items of a wave.
    """

    name: str
    backend: str
    arch: int | str
    warp: int

    @property
    def capability(self) -> int | None:
        return self.arch if isinstance(self.arch, int) else None


def parse_target(name: str) -> Target:
    """Parse `sm_90`, `gfx942`. Raises HarnessError for a name that is no target or no known one."""
    if name in AMD_LIMITS:
        return Target(name, "hip", name, AMD_LIMITS[name].wave)
    found = re.fullmatch(r"(?:sm_?)?(\d+)a?", name)
    if found is None or int(found[1]) not in LIMITS:
        raise HarnessError(f"--target: unknown target {name}; {allowed(name, KNOWN)}")
    return Target(f"sm_{int(found[1])}", "cuda", int(found[1]), WARP)


def present_target() -> str | None:
    """The architecture of the first GPU of this machine, found without torch; None where there is none or NVML does not
    tell.
    """
    gpus = all_gpus(open_nvml()[0])
    capability = gpus[0].ask("CudaComputeCapability") if gpus else None
    return "sm_{}{}".format(*capability) if capability else None


def does_not_fit(binary: Binary) -> str | None:
    """The reason why a block of this kernel can never start on its target, or None."""
    target = parse_target(binary.target)
    if isinstance(target.arch, str):
        return group_does_not_fit(target.arch, binary.shared_bytes, binary.num_warps)
    limits = LIMITS[target.arch]
    if binary.shared_bytes > limits.block_shared_bytes:
        return (
            f"does not fit: {binary.shared_bytes:,} bytes of shared memory a block, "
            f"{binary.target} has {limits.block_shared_bytes:,}"
        )
    registers = binary.num_warps * _warp_registers(binary.registers)
    if registers > limits.block_registers:
        return f"does not fit: {registers:,} registers a block, {binary.target} has {limits.block_registers:,}"
    return None


def blocks_per_sm(capability: int, registers: int, shared_bytes: int, num_warps: int) -> int | None:
    """Resident blocks per SM; 0 where not even one fits, None for an unknown architecture."""
    limits = LIMITS.get(capability)
    if limits is None:
        return None
    shared = math.ceil((shared_bytes + RESERVED_SHARED_BYTES) / SHARED_UNIT) * SHARED_UNIT
    return min(
        limits.blocks,
        limits.warps // num_warps,
        limits.registers // max(num_warps * _warp_registers(registers), 1),
        limits.shared_bytes // shared,
    )


def _warp_registers(registers: int) -> int:
    return math.ceil(registers * WARP / REGISTER_UNIT) * REGISTER_UNIT
