"""What was reported in public, and how it is compiled here. Imports no Triton."""

from __future__ import annotations

from typing import Any, NamedTuple


class Reported(NamedTuple):
    """name: repository and number of the public report. kernel: of `kernels.py`. types: of its arguments, in their
    order. old, new: the versions between which the report says that it became worse, or the nearest on PyPI. flagged:
    whether the binary shows it."""

    name: str
    kernel: str
    types: str
    sizes: dict[str, int]
    options: dict[str, Any]
    target: str
    old: str
    new: str
    flagged: bool


GEMM = "*bf16 *bf16 *bf16 i32 i32 i32 i32 i32 i32"
MXFP4 = "*bf16 *u8 *u8 *bf16 i32 i32"
PAGED = "*bf16 *bf16 *bf16 *i32 *i32 *bf16 fp32 i32"
REPORTED = (
    Reported("ROCm/aiter#4137", "paged_attention", PAGED, {"D": 256, "M": 64, "N": 64, "PAGE": 16},
             {"num_warps": 4, "num_stages": 1, "waves_per_eu": 2}, "gfx950", "3.6.0", "3.7.1", True),
    Reported("triton-lang/triton#11249", "product", GEMM, {"M": 256, "N": 256, "K": 64},
             {"num_warps": 4, "num_stages": 2}, "gfx942", "3.6.0", "3.7.1", True),
    Reported("triton-lang/triton#11285", "mxfp4_product", MXFP4, {"M": 16, "N": 256, "K": 256},
             {"num_warps": 8, "num_stages": 1}, "gfx942", "3.6.0", "3.7.1", True),
    Reported("ROCm/triton#970", "mxfp4_product", MXFP4, {"M": 16, "N": 256, "K": 256},
             {"num_warps": 4, "num_stages": 2, "waves_per_eu": 2}, "gfx942", "3.7.1", "3.9.0", True),
    Reported("triton-lang/triton#11526", "three_times_tf32", "*bf16 *fp32 *fp32 i32 i32", {"M": 64, "N": 128, "K": 64},
             {"num_warps": 4, "num_stages": 3}, "sm_89", "3.7.1", "3.8.0", True),
    Reported("triton-lang/triton#10284", "specialized_product", "*fp16 *fp16 *fp16 i32 i32 i32 i32 i32 i32",
             {"M": 128, "N": 128, "K": 64}, {"num_warps": 4, "num_stages": 3}, "sm_120", "3.5.1", "3.6.0", True),
    Reported("triton-lang/triton#11373", "gathered_attention", "*bf16 *bf16 *i32 *bf16 fp32",
             {"HEADS": 16, "D": 512, "N": 32, "TOP": 4224}, {"num_warps": 4, "num_stages": 1}, "sm_80", "3.6.0",
             "3.7.1", False),
    Reported("triton-lang/triton#9757", "chunk_states", "*bf16 *bf16 *bf16 *fp32 *bf16 *bf16 *fp32 i32",
             {"HEADS": 8, "GROUPS": 4, "D": 64, "T": 64, "BLOCK": 32}, {"num_warps": 4, "num_stages": 2}, "sm_90",
             "3.5.1", "3.6.0", False),
    Reported("vllm-project/vllm#43153", "int4_experts", "*bf16 *u8 *bf16 *bf16 *i32 *i32 i32 i32 i32 i32",
             {"GROUP": 32, "TOP": 8, "M": 16, "N": 64, "K": 64}, {"num_warps": 4, "num_stages": 2}, "gfx950", "3.4.0",
             "3.6.0", False),
)  # fmt: skip
