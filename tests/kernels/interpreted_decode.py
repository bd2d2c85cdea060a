"""Run as a program with TRITON_INTERPRET=1: checks the variants of the decode step on CPU tensors, and what is planted
in them.

The variable has to be set before Triton is imported, which is why this is a process of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import torch
import triton.runtime.interpreter  # noqa: F401  what is repaired

from harness import kernels_root
from harness.load_kernels import load_op, load_variant
from harness.measure.interpreter import repair
from harness.values.case import Tunables
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import DTYPES, case_of, operands_of
from tests.kernels.interpreted_tiles import Check, Mistake, planted, result_of
from tests.kernels.tile_shapes import Dims, sdpa

VARIANTS = (
    ("int4_mm", "triton_words"), ("moe_experts", "triton_words"), ("moe_block", "triton_words"),
    ("router", "triton_topk"), ("route", "triton_last"), ("add_rms_norm", "triton_rows"),
    ("rms_norm", "triton_rows"), ("gated_rms_norm", "triton_rows"), ("causal_conv", "triton_step"),
    ("sigmoid_gate", "triton_rows"), ("qk_norm_rope", "triton_heads"), ("moe_layer", "triton_phases"),
    ("delta_mixer", "triton_phases"), ("delta_layer", "triton_phases"),
    ("greedy", "triton_blocks"), ("gated_rms_norm", "triton_blocks"),
)  # fmt: skip
LONG = ("moe_layer", "delta_mixer", "delta_layer")
"""Checked at each shape in one dtype."""
WIDE: dict[tuple[str, int], Tunables] = {("moe_block", 2): {"up_n": 16, "down_n": 16}}
"""A shape with many rows, at which the blocks are larger than the default ones: the other shapes have these."""
BLOCK: Dims = {"tokens": 2, "experts": 4, "top_k": 3, "inter": 24, "shared": 24, "hidden": 40, "group": 8}
"""Neither inner size nor hidden size is a power of two, nor is the number of experts of a token."""


def large_activations(operands: dict[str, Any]) -> None:
    """Far from 1 both ways: powers of two stand in for exponents inside."""
    operands["x"] *= 2.0**20
    operands["x"][:, ::3] *= 2.0**-40


def equal_logits(operands: dict[str, Any]) -> None:
    """Ties, of the two zeros everywhere and in pairs: the lower expert comes first."""
    operands["logits"].zero_()
    operands["logits"][0, ::2] = -0.0
    operands["logits"][1:, ::2] = 1.0


def last_experts(operands: dict[str, Any]) -> None:
    """All tokens choose the last experts: the others have none."""
    ids, experts = operands["expert_ids"], len(operands["gate_up_weight"])
    ids.copy_(torch.arange(experts - ids.shape[1], experts, dtype=ids.dtype))


SLICED: tuple[tuple[str, str, Dims, tuple[str, ...]], ...] = (
    ("causal_conv", "triton_step", {"batch": 3, "length": 1, "channels": 40, "kernel": 4}, ("x",)),
    ("causal_conv", "triton_prefill", {"batch": 2, "length": 5, "channels": 40, "kernel": 4}, ("x",)),
    ("gated_delta_rule", "triton_recurrent", {**load_op("gated_delta_rule").test_shapes[0], "batch": 3}, ("a", "b")),
    ("gated_delta_rule", "triton_chunked", dict(load_op("gated_delta_rule").test_shapes[1]), ("a", "b")),
    ("sigmoid_gate", "triton_rows", {"tokens": 3, "width": 37}, ("gate",)),
    ("qk_norm_rope", "triton_heads", dict(load_op("qk_norm_rope").test_shapes[1]), ("q", "k", "v")),
    ("int4_mm", "triton_words", {"tokens": 2, "n": 9, "k": 64, "group": 32}, ("x",)),
    ("route", "triton_last", {"tokens": 2, "experts": 12, "top_k": 4, "hidden": 40}, ("x",)),
)
"""What the model passes on as parts of a fused projection, and what a caller may."""


def checks() -> dict[str, Check]:
    """By name: every test shape that a variant supports in both dtypes, blocks that fit badly, and operands that no
    random draw gives."""
    found: dict[str, Check] = {}
    for op, variant in VARIANTS:
        supports = load_variant(op, variant, REPOSITORY).supports
        for dtype in DTYPES:
            for i, dims in enumerate(load_op(op).test_shapes):
                if op in LONG and dtype != DTYPES[(i + 1) % 2]:
                    continue
                if supports is None or supports(case_of(op, variant, dims, dtype)) is None:
                    tunables = WIDE.get((op, i), {})
                    found[f"{op} {variant} {dtype} shape {i}"] = Check(op, variant, dict(dims), dtype, tunables)
    dims = {**load_op("delta_layer").test_shapes[0], "batch": 2}
    found["delta_layer of two sequences"] = Check("delta_layer", "triton_phases", dims, "bfloat16")
    blocks: Tunables
    for i, blocks in enumerate(({"block_n": 16, "block_k": 64}, {"block_n": 1, "block_k": 32})):
        dims = {"tokens": 2, "n": 12, "k": 96, "group": 32}
        found[f"int4_mm blocks {i}"] = Check("int4_mm", "triton_words", dims, "float32", blocks)
    for batch in (1, 8):
        dims = {"tokens": batch, "n": 24, "k": 128, "group": 128}
        found[f"int4_mm batch {batch}, large and small"] = Check(
            "int4_mm", "triton_words", dims, "float32", change=large_activations
        )
    for blocks in ({"blocks": 2, "num_warps": 1}, {"num_warps": 4}):
        found[f"int4_mm on tensor cores {blocks}"] = Check("int4_mm", "triton_mma", EIGHT, "bfloat16", blocks)
    for i, blocks in enumerate(({"up_n": 16, "down_n": 16}, {"up_n": 4, "down_n": 8})):
        for op in ("moe_experts", "moe_block"):
            found[f"{op} blocks {i}"] = Check(op, "triton_words", BLOCK, "float32", blocks)
    routed = {"tokens": 3, "experts": 20, "top_k": 5}
    found["router ties"] = Check("router", "triton_topk", routed, change=equal_logits)
    found["route blocks"] = Check("route", "triton_last", {**routed, "hidden": 96}, tunables={"block_n": 8})
    for op, variant, dims, names in SLICED:
        found[f"{op} {variant} of slices"] = Check(op, variant, dims, sliced=names)
    for op in ("moe_experts", "moe_block"):
        found[f"{op} one expert"] = Check(op, "triton_words", BLOCK, change=last_experts)
    conv = {"batch": 8, "length": 1, "channels": 200, "kernel": 4}
    found["causal_conv batch 8"] = Check("causal_conv", "triton_step", conv, "bfloat16", {"block": 64})
    return found


ROWS: dict[tuple[str, str], Dims] = {
    ("moe_block", "triton_words"): {**BLOCK, "top_k": 2, "inter": 16, "shared": 16},
    ("int4_mm", "triton_words"): {"tokens": 3, "n": 9, "k": 128, "group": 32},
    ("int4_mm", "triton_mma"): {"tokens": 3, "n": 9, "k": 128, "group": 128},
    ("route", "triton_last"): {"tokens": 3, "experts": 12, "top_k": 4, "hidden": 40},
    ("causal_conv", "triton_step"): {"batch": 3, "length": 1, "channels": 40, "kernel": 4},
    ("gated_delta_rule", "triton_recurrent"): {**load_op("gated_delta_rule").test_shapes[0], "batch": 3},
    ("qk_norm_rope", "triton_heads"): {**load_op("qk_norm_rope").test_shapes[0], "batch": 3},
    ("sdpa", "triton_split_k"): sdpa(3, 1, 4, 2, 16, 70, 128),
}
"""Variants of a decode step at a batch of 2 or 3; the cache of each row has as many splits as it has alone."""


def rows_are_their_own(op: str, variant: str, dims: Dims) -> bool:
    """Whether every row of a batch comes out, with its state, as in a call of its own, bit for bit."""
    loaded, run = load_op(op), load_variant(op, variant, REPOSITORY).run
    size = "batch" if "batch" in dims else "tokens"
    count, operands = dims[size], operands_of(op, dims, torch.bfloat16)
    batched = {i.name for i in loaded.op.inputs if i.shape and i.shape[0] == size}
    states = [i.name for i in loaded.op.inputs if i.role == "state"]

    def called(row: slice) -> list[torch.Tensor]:
        mine = {name: value[row].clone() if name in batched else value for name, value in operands.items()}
        output = run(*mine.values())
        return [*(output if isinstance(output, tuple) else (output,)), *(mine[name] for name in states)]

    together = called(slice(None))
    return all(
        torch.equal(whole[i : i + 1], alone)
        for i in range(count) for whole, alone in zip(together, called(slice(i, i + 1)), strict=True)
    )  # fmt: skip


def prepared_a_launch() -> float:
    """How often a launch prepares a module or class of the language, in a kernel with device functions."""
    from triton.runtime import interpreter

    counted, launched = [0, 0], interpreter.GridExecutor.__call__
    prepare = interpreter._patch_builtin

    def counting(*arguments: Any) -> None:
        counted[0] += 1
        prepare(*arguments)

    def launching(*arguments: Any, **keywords: Any) -> None:
        counted[1] += 1
        launched(*arguments, **keywords)

    interpreter._patch_builtin, interpreter.GridExecutor.__call__ = counting, launching
    try:
        load_variant(*EXPERTS, REPOSITORY).run(*operands_of(EXPERTS[0], BLOCK).values())
    finally:
        interpreter._patch_builtin, interpreter.GridExecutor.__call__ = prepare, launched
    return counted[0] / counted[1]


def described() -> list[dict[str, str]]:
    """The attributes of tensors of several types, and of these types."""
    from triton import language as tl

    pointers = [tl.pointer_type(tl.float32, space, const) for space in (1, 3) for const in (False, True)]
    scalars = [tl.int1, tl.int32, tl.bfloat16, *pointers]
    blocks = [tl.block_type(of, shape) for of in scalars for shape in ([1], [8], [4, 2], [2, 4])]
    return [
        {name: f"{value!r} of {type(value)}" for name, value in (vars(kind) | vars(tl.tensor(None, kind))).items()}
        for kind in (*scalars, *blocks)
    ]


def spaces() -> list[int]:
    """The address spaces of pointers in two blocks that differ in nothing else."""
    from triton import language as tl

    return [tl.tensor(None, tl.block_type(tl.pointer_type(tl.int8, s), [2])).dtype.address_space for s in (1, 3)]


def refused_shapes() -> int:
    """How many shapes of wrong sizes are refused, after right ones that compare equal to some of them."""
    from triton import language as tl

    tl.block_type(tl.int8, [2])
    tl.block_type(tl.int8, [1])
    refused = 0
    for shape in ([2.0], [True], [3], []):
        try:
            tl.block_type(tl.int8, shape)
        except (TypeError, ValueError):
            refused += 1
    return refused


WORDS = ("int4_mm", "triton_words")
MMA = ("int4_mm", "triton_mma")
EIGHT: Dims = {"tokens": 8, "n": 19, "k": 384, "group": 128}
EXPERTS = ("moe_experts", "triton_words")
SHARED = ("moe_block", "triton_words")
HEADS = ("qk_norm_rope", "triton_heads")
LAYER = ("moe_layer", "triton_phases")
MIXER = ("delta_mixer", "triton_phases")
ROUTE: Dims = {"tokens": 1, "experts": 64, "top_k": 4, "hidden": 64}
HEADS_STEP: Dims = dict(load_op("qk_norm_rope").test_shapes[0])
LAYER_STEP: Dims = dict(load_op("moe_layer").test_shapes[0])
MIXER_STEP: Dims = dict(load_op("delta_mixer").test_shapes[0])
STEP: Dims = {"batch": 1, "length": 1, "channels": 32, "kernel": 4}
MISTAKES: dict[str, Mistake] = {
    "one token for all": Mistake(*WORDS, "token * WORDS + word", "word", {"tokens": 2, "n": 8, "k": 64, "group": 32}),
    "the first block's scales": Mistake(
        *WORDS, "start // GROUP_WORDS + tl.arange", "tl.arange", {"tokens": 1, "n": 8, "k": 128, "group": 32},
        {"block_k": 64},
    ),
    "upper rows' scales for the lower": Mistake(
        *MMA, "below * lower_scales", "below * upper_scales", EIGHT, dtype="bfloat16"
    ),
    "one token in all columns": Mistake(*MMA, "x + row * K", "x + row * 0", EIGHT, dtype="bfloat16"),
    "up before gate": Mistake(*EXPERTS, "up_row = gate_row + INTER", "up_row = gate_row", BLOCK),
    "no SiLU": Mistake(*EXPERTS, "return gate * tl.sigmoid(gate) * up", "return gate * up", BLOCK),
    "no router weight": Mistake(*EXPERTS, "scales.to(tl.float32) * share[None, :]", "scales.to(tl.float32)", BLOCK),
    "the first expert's inner values": Mistake(*EXPERTS, "inner_word + slot * WORDS", "inner_word", BLOCK),
    "no gate": Mistake(*SHARED, "total += gate * scaled_rows", "total += scaled_rows", BLOCK),
    "the expert of the slot before": Mistake(*LAYER, "range(slot + 1)", "range(slot)", LAYER_STEP),
    "the norm without its root": Mistake(
        *LAYER, "tl.rsqrt(tl.sum(total * total) / K + EPS) * scale", "scale", LAYER_STEP
    ),
    "a window that stands still": Mistake(
        *MIXER, "tl.store(own_window + TAPS - 2, newest.to(window.dtype.element_ty), mask=mixes)", "pass", MIXER_STEP
    ),
    "another head's root": Mistake(*MIXER, "head[:, None] * PARTS", "(head[:, None] ^ 1) * PARTS", MIXER_STEP),
    "no shared expert": Mistake(*SHARED, "total += gate * scaled_rows", "total += 0 * scaled_rows", BLOCK),
    "not the last program": Mistake(
        "route", "triton_last", "== tl.num_programs(0) - 1", "== 2", ROUTE
    ),
    "counter not set back": Mistake(
        "route", "triton_last", "tl.atomic_xchg(counters + token, 0)", "pass", ROUTE
    ),
    "weight without its one": Mistake(
        "add_rms_norm", "triton_rows", "scale = 1.0 + tl.load", "scale = tl.load", {"tokens": 1, "hidden": 64}
    ),
    "the window does not move": Mistake(
        "causal_conv", "triton_step", "tl.store(window + KERNEL - 2, newest, mask=ok)", "pass", STEP
    ),
    "turned the other way": Mistake(*HEADS, "(i < half, -other, other)", "(i < half, other, -other)", HEADS_STEP),
    "keys at the wrong position": Mistake(
        *HEADS, "tl.load(positions + t, cache_modifier", "1 + tl.load(positions + t, cache_modifier", HEADS_STEP
    ),
}  # fmt: skip


def main() -> dict[str, Any]:
    torch.set_num_threads(1)
    before, refused = described(), refused_shapes()
    repair()
    kept = [described() == before, described() == before, spaces() == [1, 3], refused_shapes() == refused > 0]
    results = {name: result_of(wanted) for name, wanted in checks().items()}
    rows: dict[str, dict[str, Any]]
    rows = {f"rows of {op}": {"correct": rows_are_their_own(op, name, dims)} for (op, name), dims in ROWS.items()}
    with TemporaryDirectory() as folder:
        results |= {name: planted(mistake, Path(folder)) for name, mistake in MISTAKES.items()}
    rows["language"] = {"prepared a launch": prepared_a_launch(), "kept": kept}
    return {**rows, **{name: msgspec.to_builtins(result) for name, result in results.items()}}


if __name__ == "__main__":
    kernels_root.bind(REPOSITORY / "kernels")
    json.dump(main(), sys.stdout)
