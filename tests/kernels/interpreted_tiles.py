"""Run as a program with TRITON_INTERPRET=1: checks the variants that multiply tiles on CPU tensors, and what is planted
in them.

The variable has to be set before Triton is imported, which is why this is a process of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import torch
import triton.runtime.interpreter  # noqa: F401  what is repaired

from harness import kernels_root
from harness.load_kernels import load_op, load_variant
from harness.measure.agreement import compare
from harness.measure.conditioning import allowed_under
from harness.measure.expected import reference_of
from harness.measure.interpreter import repair
from harness.values.case import Tunables
from harness.values.measurement import Correctness
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import DTYPES, case_of, check, operands_of, verify
from tests.kernels.tile_shapes import (
    CONV,
    DELTA,
    FEW,
    INT4,
    SDPA_DECODE,
    SDPA_PREFILL,
    SORTED,
    SORTED_BLOCK,
    Dims,
    large_logits,
    one_expert,
    one_key,
    sdpa,
    strong_decay,
)


@dataclass(frozen=True)
class Check:
    """A variant at a shape. change: makes other operands of the random ones, in place. sliced: operands that are parts
    of a wider tensor."""

    op: str
    variant: str
    dims: Dims
    dtype: str = "float32"
    tunables: Tunables = field(default_factory=dict)
    change: Callable[[dict[str, Any]], None] | None = None
    sliced: tuple[str, ...] = ()


def checks() -> dict[str, Check]:
    """By name: awkward shapes and tunables in both dtypes, and operands that no random draw gives."""
    found: dict[str, Check] = {}
    shapes = {
        ("sdpa", "triton_split_k"): SDPA_DECODE,
        ("sdpa", "triton_prefill"): SDPA_PREFILL,
        ("int4_mm", "triton_gemm"): INT4,
        ("int4_mm", "triton_few"): FEW,
        ("int4_mm", "triton_dequant_mm"): ((INT4[0][0], {"block": 64}), (INT4[1][0], {})),
        ("moe_gate_up", "triton_sorted"): SORTED,
        ("moe_down", "triton_sorted"): SORTED,
        ("moe_block", "triton_sorted"): SORTED_BLOCK,
        ("gated_delta_rule", "triton_chunked"): DELTA,
        ("causal_conv", "triton_prefill"): CONV,
    }
    for (op, variant), asked in shapes.items():
        for dtype in DTYPES:
            for i, (dims, tunables) in enumerate(asked):
                found[f"{op} {variant} {dtype} {i}"] = Check(op, variant, dims, dtype, tunables)
    for variant, dims in (("triton_split_k", sdpa(1, 1, 4, 2, 16, 90, 128)), ("triton_prefill", SDPA_PREFILL[2][0])):
        found[f"sdpa {variant} large logits"] = Check("sdpa", variant, dims, change=large_logits)
    for op in ("moe_gate_up", "moe_down"):
        found[f"{op} one expert"] = Check(op, "triton_sorted", SORTED[2][0], "bfloat16", SORTED[2][1], one_expert)
    found["moe_block one expert"] = Check(
        "moe_block", "triton_sorted", SORTED_BLOCK[1][0], "bfloat16", SORTED_BLOCK[1][1], one_expert
    )
    for dtype in DTYPES:
        for name, change in (("strong decay", strong_decay), ("one key", one_key)):
            found[f"{name} {dtype}"] = Check(
                "gated_delta_rule", "triton_chunked", DELTA[2][0], dtype, DELTA[2][1], change
            )
    return found


@dataclass(frozen=True)
class Mistake:
    """A piece of a variant's text, what is written there by mistake, and a shape that shows it."""

    op: str
    variant: str
    right: str
    wrong: str
    dims: Dims
    tunables: Tunables = field(default_factory=dict)
    dtype: str = "float32"


SPLIT = ("sdpa", "triton_split_k")
GEMM = ("int4_mm", "triton_gemm")
FEW_TOKENS = ("int4_mm", "triton_few")
PROMPT_CONV = ("causal_conv", "triton_prefill")
CHUNKED = ("gated_delta_rule", "triton_chunked")
BY_EXPERT = ("moe_gate_up", "triton_sorted")
BLOCK = ("moe_block", "triton_sorted")
MISTAKES: dict[str, Mistake] = {
    "a slot too many": Mistake(*SPLIT, "n_ok = n < seen", "n_ok = n <= seen", SDPA_DECODE[0][0]),
    "the first block only": Mistake(*SPLIT, "range(split, blocks, SPLITS)", "range(split, split + 1)", *SDPA_DECODE[3]),
    "maxima not compared": Mistake(*SPLIT, "tops - tl.max(tops, axis=0)", "tops * 0", *SDPA_DECODE[1]),
    "the other kv head": Mistake(*SPLIT, "kv_head * stride_kh", "(1 - kv_head) * stride_kh", SDPA_DECODE[0][0]),
    "future is seen": Mistake(
        "sdpa", "triton_prefill", "<= position[:, None]", "<= position[:, None] + 1", SDPA_PREFILL[1][0]
    ),
    "parities exchanged": Mistake(*GEMM, "(start + HALF_K)", "start", INT4[0][0]),
    "the first group's scale": Mistake(*GEMM, "start // (GROUP // 2)", "0", INT4[0][0]),
    "the next activation": Mistake(*FEW_TOKENS, "x_at + J", "x_at + J - J % 2", *FEW[0]),
    "the next nibble": Mistake(*FEW_TOKENS, "(4 * j)", "(4 * (j ^ 1))", *FEW[0]),
    "the first sixteen tokens": Mistake(*FEW_TOKENS, "tl.program_id(1) * BLOCK_T +", "0 *", *FEW[2]),
    "zero is 7": Mistake(*GEMM, "- 8.0", "- 7.0", INT4[0][0]),
    "the next byte's scale": Mistake(
        "int4_mm", "triton_dequant_mm", "byte // (GROUP // 2)", "(byte + 1) // (GROUP // 2)", INT4[0][0]
    ),
    "an expert's last pair": Mistake(*BY_EXPERT, "axis=0) - skipped", "axis=0) - skipped - 1", *SORTED[2]),
    "the next expert": Mistake(*BY_EXPERT, "(ends <= block)", "(ends < block)", *SORTED[2]),
    "a block too few": Mistake(*BY_EXPERT, "return pairs // block_t + min(pairs, experts)", "return 1", *SORTED[1]),
    "no router weight": Mistake("moe_down", "triton_sorted", "1, True,", "1, False,", *SORTED[1]),
    "a block's last pair": Mistake(*BLOCK, "axis=1) - skipped", "axis=1) - skipped - 1", *SORTED_BLOCK[0]),
    "up rows are gate rows": Mistake(*BLOCK, "row // BLOCK_N * INTER + _value", "_value", *SORTED_BLOCK[0]),
    "the inner order": Mistake(
        *BLOCK, "tl.store(inner + at, rounded(gate", "tl.store(inner + at, rounded(up", *SORTED_BLOCK[1]
    ),
    "the shared expert is not gated": Mistake(
        *BLOCK, "tl.sigmoid(gate) * tl.load(at + TOP_K", "tl.load(at + TOP_K", *SORTED_BLOCK[0]
    ),
    "no products between the blocks": Mistake(*CHUNKED, "if CHUNK > SUB:", "if CHUNK > 64:", *DELTA[2]),
    "no square between the blocks": Mistake(*CHUNKED, "if CHUNK > 2 * SUB:", "if CHUNK > 64:", *DELTA[2]),
    "the state is not used": Mistake(*PROMPT_CONV, "taken += tl.load", "tl.load", *CONV[1]),
    "the state is not moved on": Mistake(*PROMPT_CONV, "window + i, tl.where", "window + i, 0 * tl.where", *CONV[2]),
    "the state of a long prompt": Mistake(
        *PROMPT_CONV, "where(newest >= 0, new, kept)", "where(newest < 0, new, kept)", *CONV[1]
    ),
    "the diagonal is seen": Mistake(*CHUNKED, "inside[:, None] > inside", "inside[:, None] >= inside", *DELTA[1]),
    "the state is not stored": Mistake(*CHUNKED, "tl.store(tile, s)", "pass", *DELTA[1]),
    "a chunk does not decay the state": Mistake(*CHUNKED, "s * tl.load(whole + first + chunk)", "s", *DELTA[3]),
}


def planted(mistake: Mistake, folder: Path) -> Correctness:
    """The variant's text with the mistake, as a file of its own."""
    file = REPOSITORY / "kernels" / mistake.op / f"{mistake.variant}.py"
    text = file.read_text()
    assert text.count(mistake.right) == 1, f"{mistake.right!r} is not in {file} once"
    text = text.replace(mistake.right, mistake.wrong)
    text = text.replace("from ..", "from harness_kernels.").replace("from .", f"from harness_kernels.{mistake.op}.")
    path = folder / f"planted_{len(list(folder.iterdir()))}.py"
    path.write_text(text)
    case = case_of(mistake.op, mistake.variant, mistake.dims, mistake.dtype, mistake.tunables)
    return check(load_op(mistake.op), load_variant(mistake.op, str(path), folder), case, 0)


def columns(value: torch.Tensor) -> torch.Tensor:
    """The same values as columns of a wider tensor, as the parts of a fused projection are; around them is NaN. Heads
    stay side by side."""
    flat = value.flatten(2) if value.ndim == 4 else value
    wide = flat.new_full((*flat.shape[:-1], flat.shape[-1] + 24), float("nan"))
    part = wide[..., 8:-16]
    part.copy_(flat)
    return part.unflatten(-1, value.shape[2:]) if value.ndim == 4 else part


def changed(wanted: Check) -> Correctness:
    """The outputs and states on operands that `change` made or that are slices, against the reference."""
    op = load_op(wanted.op)
    operands = operands_of(wanted.op, wanted.dims, getattr(torch, wanted.dtype))
    if wanted.change is not None:
        wanted.change(operands)
    mine = {name: value.clone() if isinstance(value, torch.Tensor) else value for name, value in operands.items()}
    mine |= {name: columns(operands[name]) for name in wanted.sliced}
    reference = op.reference(*operands.values())
    output = load_variant(wanted.op, wanted.variant, REPOSITORY).run(*mine.values(), **wanted.tunables)
    tolerance = op.tolerance(wanted.dtype, wanted.dims)
    if wanted.change is not None and wanted.dtype == "float32":
        random = operands_of(wanted.op, wanted.dims)
        tolerance = allowed_under(
            lambda given: reference_of(op, given), random, operands, tolerance, op.tolerance("bfloat16", wanted.dims)
        )
    outputs, references = (one if isinstance(one, tuple) else (one,) for one in (output, reference))
    pairs = [
        *zip(outputs, references, strict=True),
        *((mine[i.name], operands[i.name]) for i in op.op.inputs if i.role == "state"),
    ]
    results = [compare("", a, b, tolerance) for a, b in pairs]
    return next((result for result in results if not result.correct), results[0])


def result_of(wanted: Check) -> Correctness:
    if wanted.change is not None or wanted.sliced:
        return changed(wanted)
    return verify(wanted.op, wanted.variant, wanted.dims, wanted.dtype, wanted.tunables)


def main() -> dict[str, Any]:
    torch.set_num_threads(1)
    repair()
    results = {name: result_of(wanted) for name, wanted in checks().items()}
    with TemporaryDirectory() as folder:
        results |= {name: planted(mistake, Path(folder)) for name, mistake in MISTAKES.items()}
    return {name: msgspec.to_builtins(result) for name, result in results.items()}


if __name__ == "__main__":
    kernels_root.bind(REPOSITORY / "kernels")
    json.dump(main(), sys.stdout)
