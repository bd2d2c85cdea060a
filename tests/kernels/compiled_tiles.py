"""Run as a program: compiles a call of each variant that has several launches or multiplies tiles for a GPU that is not
there, as `compiled.py` does, and prints every launch."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from typing import Any

import torch
import triton
from triton.runtime.jit import JITFunction

from harness import kernels_root
from harness.load_kernels import load_variant
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import operands_of
from tests.kernels.compiled import DELTA, EXPERTS, Target, described

ATTENTION = {"heads": 16, "kv_heads": 2, "head_dim": 256, "context": 0}
CALLS: dict[str, tuple[str, str, dict[str, int]]] = {
    "attention step": ("sdpa", "triton_split_k", {**ATTENTION, "batch": 1, "length": 1, "capacity": 4352}),
    "attention step of 8": ("sdpa", "triton_split_k", {**ATTENTION, "batch": 8, "length": 1, "capacity": 1280}),
    "attention": ("sdpa", "triton_prefill", {**ATTENTION, "batch": 1, "length": 200, "capacity": 256}),
    "int4": ("int4_mm", "triton_gemm", {"tokens": 256, "n": 1024, "k": 2048, "group": 128}),
    "few tokens": ("int4_mm", "triton_few", {"tokens": 8, "n": 12352, "k": 2048, "group": 128}),
    "eight tokens": ("int4_mm", "triton_mma", {"tokens": 8, "n": 12352, "k": 2048, "group": 128}),
    "eight tokens of 512": ("int4_mm", "triton_mma", {"tokens": 8, "n": 2048, "k": 512, "group": 128}),
    "dequantise": ("int4_mm", "triton_dequant_mm", {"tokens": 256, "n": 1024, "k": 2048, "group": 128}),
    "gate and up": ("moe_gate_up", "triton_sorted", {**EXPERTS, "tokens": 200}),
    "down": ("moe_down", "triton_sorted", {**EXPERTS, "tokens": 200}),
    "MoE block of many": ("moe_block", "triton_sorted", {**EXPERTS, "tokens": 200, "shared": 512}),
    "gated norm of many": ("gated_rms_norm", "triton_blocks", {"tokens": 200, "heads": 32, "width": 128}),
    "delta rule": ("gated_delta_rule", "triton_chunked", {**DELTA, "length": 200}),
    "convolution": ("causal_conv", "triton_prefill", {"batch": 1, "length": 200, "channels": 8192, "kernel": 4}),
    "words of gdn_in": ("int4_mm", "triton_words", {"tokens": 1, "n": 12352, "k": 2048, "group": 128}),
    "words of gdn_out": ("int4_mm", "triton_words", {"tokens": 1, "n": 2048, "k": 4096, "group": 128}),
    "words of shared_down": ("int4_mm", "triton_words", {"tokens": 1, "n": 2048, "k": 512, "group": 128}),
    "experts": ("moe_experts", "triton_words", EXPERTS),
    "MoE block": ("moe_block", "triton_words", {**EXPERTS, "shared": 512}),
    "route": ("route", "triton_last", {"tokens": 1, "experts": 256, "top_k": 8, "hidden": 2048}),
    "router": ("router", "triton_topk", {"tokens": 1, "experts": 256, "top_k": 8}),
    "add and norm": ("add_rms_norm", "triton_rows", {"tokens": 1, "hidden": 2048}),
    "norm": ("rms_norm", "triton_rows", {"tokens": 1, "heads": 1, "width": 2048}),
    "gated norm": ("gated_rms_norm", "triton_rows", {"tokens": 1, "heads": 32, "width": 128}),
    "conv step": ("causal_conv", "triton_step", {"batch": 1, "length": 1, "channels": 8192, "kernel": 4}),
    "gate": ("sigmoid_gate", "triton_rows", {"tokens": 1, "width": 4096}),
    "heads": (
        "qk_norm_rope",
        "triton_heads",
        {**ATTENTION, "batch": 1, "length": 1, "capacity": 1280, "rotary_dim": 64, "theta": 10_000_000},
    ),
}
"""By name: a call with the 35B model's sizes at the defaults; few tokens and 9 experts, which change no binary."""


def mma_layouts(ttgir: str) -> list[str]:
    """The layouts of the tensors that products in inline assembly take and give."""
    defined = dict(re.findall(r"^(#\w+) = (.*)$", ttgir, re.MULTILINE))
    found = set()
    for line in ttgir.splitlines():
        if "mma.sync" in line:
            found |= {defined[name] for name in re.findall(r"tensor<[^>]*, (#\w+)>", line)}
    return sorted(found)


def compile_calls(capability: int) -> dict[str, list[dict[str, Any]]]:
    """By name, one row per launch: the grid, the kernel's name, registers, spilt and shared bytes, loads, and how many
    float numbers it is given as it is launched."""
    triton.runtime.driver.set_active(Target(capability))
    launches: list[tuple[Any, Any, int]] = []
    launch = JITFunction.run

    def warm_up(self: Any, *args: Any, grid: Any, warmup: bool, **options: Any) -> None:
        floats = sum(isinstance(v, float) and not p.is_constexpr for p, v in zip(self.params, args, strict=False))
        launches.append((grid, launch(self, *args, grid=grid, warmup=True, **options), floats))

    JITFunction.run = warm_up
    rows = {}
    for name, (op, variant, dims) in CALLS.items():
        operands = operands_of(op, dims, torch.bfloat16)
        inputs = [value.to("meta") if isinstance(value, torch.Tensor) else value for value in operands.values()]
        launches.clear()
        output = load_variant(op, variant, REPOSITORY).run(*inputs)
        assert all(one.device.type == "meta" for one in (output if isinstance(output, tuple) else (output,)))
        rows[name] = [
            {
                "grid": list(grid),
                "shared_bytes": kernel.metadata.shared,
                "floats": floats,
                "mma_layouts": mma_layouts(kernel.asm["ttgir"]),
                **described(kernel),
            }
            for grid, kernel, floats in launches
        ]
    return rows


if __name__ == "__main__":
    kernels_root.bind(REPOSITORY / "kernels")
    with tempfile.TemporaryDirectory() as cache:
        triton.knobs.cache.dir = cache
        print(json.dumps(compile_calls(int(sys.argv[1]))))
