"""Run as a program with TRITON_INTERPRET=1: one call of each variant with inline PTX, whose instructions an emulator
runs, on CPU tensors; and what is planted in the PTX.

The variable has to be set before Triton is imported, which is why this is a process of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import torch
import triton.runtime.interpreter  # noqa: F401  what is repaired

from harness import kernels_root
from harness.load_kernels import load_op, load_variant
from harness.measure.agreement import compare
from harness.measure.interpreter import repair
from harness.measure.operand_sets import to_float32
from harness.values.case import Tunables
from tests.conftest import REPOSITORY
from tests.kernels import emulated_ptx
from tests.kernels.catalogue import operands_of

Dims = dict[str, int]
Check = tuple[str, Dims, Tunables]
ROWS = {"tokens": 1, "n": 32}
ATTENTION: Dims = {"batch": 1, "length": 1, "hidden": 256, "group": 128, "heads": 8, "kv_heads": 2, "head_dim": 64,
                   "rotary_dim": 16, "theta": 10_000_000, "capacity": 128}  # fmt: skip
CHECKS: dict[str, Check] = {
    "int4_mm, 16 groups": ("int4_mm", {**ROWS, "k": 2048, "group": 128}, {"num_warps": 1}),
    "int4_mm, 8 groups each of two warps": ("int4_mm", {**ROWS, "k": 2048, "group": 128}, {"num_warps": 2}),
    "int4_mm, 4 groups each of eight warps": ("int4_mm", {**ROWS, "k": 4096, "group": 128}, {"num_warps": 8}),
    "int4_mm, 2 groups, one by one": ("int4_mm", {**ROWS, "k": 256, "group": 128}, {"num_warps": 1, "together": 1}),
    "attention_layer": (
        "attention_layer", {**ATTENTION, "context": 70}, {"in_warps": 1, "out_warps": 2, "block_n": 32},
    ),
    "attention_layer, several blocks a program": (
        "attention_layer", {**ATTENTION, "context": 127},
        {"in_warps": 1, "out_warps": 2, "block_n": 32, "programs": 4},
    ),
    "attention_layer of two sequences": (
        "attention_layer", {**ATTENTION, "batch": 2, "context": 70}, {"in_warps": 1, "out_warps": 2},
    ),
}  # fmt: skip
SMALL: Check = ("int4_mm", {**ROWS, "n": 16, "k": 512, "group": 128}, {"num_warps": 1})
MISTAKES = {
    "zero is 7": (SMALL, "0x80088008", "0x80078007"),
    "the odd nibble is not 16-fold": (SMALL, "0x6f807180", "0x71807180"),
    "the scale of the other group": (SMALL, "and.b32 f, su0, 0xffff0000", "shl.b32 f, su0, 16"),
    "values in their own order": (SMALL, "0x7632", "0x5410"),
    "the sums of another group's columns": (SMALL, "@t1 mov", "@t2 mov"),
    "the lower value's square alone": (
        ("attention_layer", {**ATTENTION, "context": 70}, {"in_warps": 1, "out_warps": 2}),
        "and.b32 f, h0, 0xffff0000",
        "mov.b32 f, 0",
    ),
}
"""By name: a check, what its PTX says, and what is written there by mistake."""


def agreement(check: Check) -> dict[str, Any]:
    """Outputs and states of one call against the float32 definition, by the op's tolerance."""
    name, dims, tunables = check
    loaded, operands = load_op(name), operands_of(name, dims, torch.bfloat16)
    wide = {key: to_float32(value) for key, value in operands.items()}
    got = load_variant(name, "triton_tile", REPOSITORY).run(*operands.values(), **tunables)
    wanted = loaded.reference(*wide.values())
    pairs = [*zip(*(v if isinstance(v, tuple) else (v,) for v in (got, wanted)), strict=True)]
    names = [output for output, _ in loaded.op.outputs]
    for declared in loaded.op.inputs:
        if declared.role == "state":
            pairs.append((operands[declared.name], wide[declared.name]))
            names.append(declared.name)
    tolerance = loaded.tolerance("bfloat16")
    found = [compare(n, a, b, tolerance, loaded.row_dims(n)) for n, (a, b) in zip(names, pairs, strict=True)]
    wrong = [msgspec.to_builtins(result) for result in found if not result.correct]
    return {"correct": not wrong, "compared": len(found), "wrong": wrong}


def with_mistake(check: Check, right: str, wrong: str) -> dict[str, Any]:
    run: Callable[..., Any] = emulated_ptx.emulate
    seen = [0]

    def mistaken(asm: str, *rest: Any) -> Any:
        seen[0] += right in asm
        return run(asm.replace(right, wrong), *rest)

    emulated_ptx.emulate = mistaken
    try:
        result = agreement(check)
    finally:
        emulated_ptx.emulate = run
    assert seen[0], f"{right!r} is in no PTX that ran"
    return result


def main() -> dict[str, Any]:
    torch.set_num_threads(1)
    repair()
    emulated_ptx.install()
    results = {name: agreement(check) for name, check in CHECKS.items()}
    return results | {name: with_mistake(*mistake) for name, mistake in MISTAKES.items()}


if __name__ == "__main__":
    kernels_root.bind(REPOSITORY / "kernels")
    json.dump(main(), sys.stdout)
