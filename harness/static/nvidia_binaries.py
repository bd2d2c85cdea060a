"""Turns a launch's cubin into its `Binary`."""

from __future__ import annotations

import hashlib

import triton

from harness.device.ptxas import ptxas_release
from harness.static.cubin import Cubin, read_cubin
from harness.static.encoded import ARCHITECTURES, read_encoded
from harness.static.identity import cache_folder, code_hash
from harness.static.ptx import hot_loop
from harness.static.record import Recorded
from harness.static.sass import Code, disassemble, read_code
from harness.static.target import WARP, Target, blocks_per_sm
from harness.values.binary import Binary


class NvidiaBinaries:
    """Reads each distinct machine code once."""

    def __init__(self, target: Target) -> None:
        assert target.capability is not None
        self.target, self.capability = target, target.capability
        self.ptxas = ptxas_release(self.capability) or "unknown"
        self._codes: dict[str, Code] = {}

    def read(self, launch: Recorded, macs: int | None) -> Binary:
        """The launch's `Binary`. `macs`: multiply-adds of the call, None where they are not counted."""
        kernel, metadata, image = launch.kernel, launch.kernel.metadata, launch.kernel.asm["cubin"]
        cubin = read_cubin(image)
        if cubin.sha256 not in self._codes:
            self._codes[cubin.sha256] = self._code(image, cubin)
        code = self._codes[cubin.sha256]
        per_weight = instructions_per_weight(code, kernel.asm.get("ptx", ""), launch.grid, metadata.num_warps, macs)
        return Binary(
            sha256=cubin.sha256, target=self.target.name, triton=triton.__version__, ptxas=self.ptxas,
            kernel=metadata.name, registers=cubin.registers, spill_bytes=code.spill_bytes,
            stack_bytes=cubin.stack_bytes, shared_bytes=metadata.shared, num_warps=metadata.num_warps,
            cluster=(metadata.num_ctas, 1, 1), instructions_per_weight=per_weight,
            counted_over=None if per_weight is None else "loop" if code.loop else "kernel",
            load_bytes=code.load_bytes, widest_load_bytes=code.widest_load_bytes,
            loads=tuple(sorted(code.global_loads.items())),
            blocks_per_sm=blocks_per_sm(self.capability, cubin.registers, metadata.shared, metadata.num_warps),
            ttir_hash=code_hash(kernel.asm.get("ttir", "")), ttgir_hash=code_hash(kernel.asm.get("ttgir", "")),
            cache_key=cache_folder(kernel), instructions=code.instructions, loop=code.loop, code_bytes=len(cubin.code),
            code_hash=hashlib.sha256(cubin.code).hexdigest(),
        )  # fmt: skip

    def _code(self, image: bytes, cubin: Cubin) -> Code:
        if self.capability in ARCHITECTURES:
            return read_encoded(cubin.code, self.capability)
        return read_code(disassemble(image, triton.knobs.nvidia.nvdisasm.path))


def instructions_per_weight(
    code: Code, ptx: str, grid: tuple[int, int, int], num_warps: int, macs: int | None
) -> float | None:
    """Thread instructions that all iterations of the hot loop execute, per multiply-add of the call.

    The trip count comes from the PTX. If the machine code has the loop unrolled, its loads give the unroll factor.
    """
    if macs is None:
        return None
    passes = 1.0
    if code.loop:
        loop = hot_loop(ptx)
        if loop is None or loop.trips is None:
            return None
        loads = sum(code.global_loads.values())
        if bool(loads) != bool(loop.global_loads):
            return None
        unrolled = max(1, round(loads / loop.global_loads)) if loads else 1
        passes = loop.trips / unrolled
    blocks = grid[0] * grid[1] * grid[2]
    return code.instructions * passes * blocks * WARP * num_warps / macs
