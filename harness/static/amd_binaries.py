"""Turns a launch's code object and assembly into its `Binary`, for an AMD target."""

from __future__ import annotations

import triton

from harness.static.amd_limits import groups_per_unit, waves_per_simd
from harness.static.amdgcn import read_amdgcn
from harness.static.hsaco import read_hsaco
from harness.static.identity import cache_folder, code_hash
from harness.static.record import Recorded
from harness.static.sass import Code
from harness.static.target import Target
from harness.values.binary import Binary


class AmdBinaries:
    """Reads each distinct machine code once."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._codes: dict[str, Code] = {}

    def read(self, launch: Recorded, _: int | None) -> Binary:
        """Return the launch's `Binary`.

        instructions_per_weight stays None: nothing here counts the iterations of a loop in AMD's assembly.
        """
        kernel, metadata = launch.kernel, launch.kernel.metadata
        own, arch = read_hsaco(kernel.asm["hsaco"]), self.target.name
        if own.sha256 not in self._codes:
            self._codes[own.sha256] = read_amdgcn(kernel.asm["amdgcn"])
        code = self._codes[own.sha256]
        return Binary(
            sha256=own.sha256, target=arch, triton=triton.__version__, ptxas="", kernel=own.kernel,
            registers=own.vgprs, spill_bytes=code.spill_bytes, stack_bytes=own.scratch_bytes,
            shared_bytes=metadata.shared, num_warps=metadata.num_warps, load_bytes=code.load_bytes,
            widest_load_bytes=code.widest_load_bytes, loads=tuple(sorted(code.global_loads.items())),
            blocks_per_sm=groups_per_unit(arch, own.vgprs, own.sgprs, metadata.shared, metadata.num_warps),
            ttir_hash=code_hash(kernel.asm.get("ttir", "")), ttgir_hash=code_hash(kernel.asm.get("ttgir", "")),
            cache_key=cache_folder(kernel), instructions=code.instructions, loop=code.loop, code_bytes=own.code_bytes,
            code_hash=own.code_hash, warp=own.wave, waves_per_simd=waves_per_simd(arch, own.vgprs, own.sgprs),
            sgprs=own.sgprs, agprs=own.agprs, sgpr_spills=own.sgpr_spills,
        )  # fmt: skip
