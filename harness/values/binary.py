"""A compiled kernel: what its binary says of itself, for one GPU architecture and one toolchain."""

from __future__ import annotations

import msgspec


class Binary(msgspec.Struct, frozen=True):
    """One kernel's machine code and what can be read from it without running it.

    sha256: of the code, its resources and constants; debug information (paths, line numbers) is not in it, so that a
    moved file or a new comment changes nothing. target: `sm_90`. kernel: the name of its entry. registers: per thread.
    spill_bytes: local memory per thread that the compiler stores and loads because registers ran out, each counted once
    per instruction; stack_bytes: its frame. shared_bytes: per block. cluster: blocks per cluster, (1, 1, 1) without
    one. instructions_per_weight: thread instructions of the innermost hot loop per multiply-add of the call that it was
    compiled for; None where it cannot be told and for ops without int4 weights. counted_over: `loop`, or `kernel` where
    the machine code has no loop; None with instructions_per_weight None. load_bytes: width of the most frequent global
    load of the hot loop (or kernel), in bytes a thread; widest_load_bytes: of the widest. blocks_per_sm: how many
    blocks an SM holds at once, None for a target whose limits are not known. ttir_hash, ttgir_hash: of Triton's
    intermediate code without source locations. cache_key: the folder of Triton's disk cache that holds it.
    instructions: of the hot loop, of the whole kernel where it has none. code_bytes, code_hash: of the instructions
    alone, which another release of the same compiler may wrap in other attributes. warp: threads of a warp.

    Of an AMD target (`gfx942`) registers are the VGPRs of a lane, AGPRs among them where the architecture has one file
    for both; spill_bytes are scratch accesses, stack_bytes the scratch of a lane, shared_bytes LDS, blocks_per_sm the
    workgroups of a compute unit (RDNA: workgroup processor), waves_per_simd those that the registers leave, and ptxas
    is empty. sgpr_spills: scalar registers that went to lanes of vector registers. All None for NVIDIA.
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

    @property
    def threads(self) -> int:
        """Of one block."""
        return self.warp * self.num_warps
