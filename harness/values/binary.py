"""A compiled kernel: the facts in its binary, for one GPU architecture and one toolchain."""

from __future__ import annotations

import msgspec


class Binary(msgspec.Struct, frozen=True):
    """One kernel's machine code, and the facts that can be read from it without running it.

    sha256: Hash of the code, its resources and constants. Debug information (paths, line numbers) is left out, so that
        a moved file or a new comment changes nothing.
    target: `sm_90`.
    kernel: The name of its entry.
    registers: Per thread.
    spill_bytes: Local memory per thread that the compiler stores and loads because registers ran out. Each
        instruction that does so counts once, with its width.
    stack_bytes: Stack frame of a thread.
    shared_bytes: Shared memory per block.
    cluster: Blocks per cluster. (1, 1, 1) without clusters.
    instructions_per_weight: Thread instructions of the innermost hot loop per multiply-add of the call that it was
        compiled for. None if unknown and for ops without int4 weights.
    counted_over: `loop`, or `kernel` if the machine code has no loop. None if instructions_per_weight is None.
    load_bytes: Width of the most frequent global load of the hot loop (or kernel), in bytes per thread.
    widest_load_bytes: Width of the widest global load.
    loads: These loads as (bytes per thread, instructions), narrowest first. Empty in results of an earlier version.
    blocks_per_sm: Blocks that an SM holds at once. None for a target with unknown limits.
    ttir_hash, ttgir_hash: Hashes of Triton's intermediate code without source locations.
    cache_key: The folder of Triton's disk cache that holds the binary.
    instructions: Instructions of the hot loop, or of the whole kernel if it has none.
    loop: Whether it has one. None if that was not read.
    code_bytes, code_hash: Size and hash of the instructions alone, which another release of the same compiler may wrap
        in other attributes.
    warp: Threads of a warp.

    For an AMD target (`gfx942`) ptxas is empty, and these fields mean:
    registers: The VGPRs of a lane, including AGPRs if the architecture has one file for both.
    spill_bytes: Scratch accesses.
    stack_bytes: The scratch of a lane.
    shared_bytes: LDS.
    blocks_per_sm: The workgroups of a compute unit (RDNA: workgroup processor).
    waves_per_simd: The waves that the registers allow. None for NVIDIA, as sgprs, agprs and sgpr_spills.
    sgpr_spills: Scalar registers that were moved to lanes of vector registers.
    """

    sha256: str
    target: str
    triton: str
    ptxas: str
    kernel: str
    registers: int
    spill_bytes: int
    stack_bytes: int
    shared_bytes: int
    num_warps: int
    cluster: tuple[int, int, int] = (1, 1, 1)
    instructions_per_weight: float | None = None
    counted_over: str | None = None
    load_bytes: int | None = None
    widest_load_bytes: int | None = None
    blocks_per_sm: int | None = None
    ttir_hash: str = ""
    ttgir_hash: str = ""
    cache_key: str = ""
    instructions: int | None = None
    code_bytes: int = 0
    code_hash: str = ""
    warp: int = 32
    waves_per_simd: int | None = None
    sgprs: int | None = None
    agprs: int | None = None
    sgpr_spills: int | None = None
    loop: bool | None = None
    loads: tuple[tuple[int, int], ...] = ()

    @property
    def threads(self) -> int:
        """Threads of one block."""
        return self.warp * self.num_warps
