"""Run as a program with TRITON_INTERPRET=1: checks the Triton variants on CPU tensors and prints the result of each.

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
from tests.kernels.catalogue import case_of, check, verify

Dims = dict[str, int]
Check = tuple[str, str, Dims, str, Tunables]

EXPERTS: Dims = {"tokens": 1, "experts": 4, "top_k": 2, "inter": 192, "hidden": 40, "group": 64}
"""For moe_down; moe_gate_up takes them with hidden and inter exchanged: K = 192 is no multiple of 128, N = 40 or 80."""
BLOCKS: tuple[tuple[int, int], ...] = ((16, 8), (8, 64), (64, 128))
"""block_n, block_k: a fraction of a group, one group, two that leave a tail; N is smaller than the last block_n."""


def checks() -> dict[str, Check]:
    """By name: the test shapes at the defaults in both dtypes, and blocks that fit badly."""
    found: dict[str, Check] = {}
    for op in ("moe_gate_up", "moe_down"):
        for dtype in ("float32", "bfloat16"):
            for i, dims in enumerate(load_op(op).test_shapes):
                found[f"{op} {dtype} shape {i}"] = (op, "triton_vecmat", dict(dims), dtype, {})
        dims = EXPERTS if op == "moe_down" else EXPERTS | {"inter": 40, "hidden": 192}
        for block_n, block_k in BLOCKS:
            tunables: Tunables = {"block_n": block_n, "block_k": block_k}
            found[f"{op} blocks {block_n},{block_k}"] = (op, "triton_vecmat", dims, "float32", tunables)
    op, name, shapes = "gated_delta_rule", "triton_recurrent", load_op("gated_delta_rule").test_shapes[:2]
    for dtype in ("float32", "bfloat16"):
        for i, dims in enumerate(shapes):
            found[f"{op} {dtype} shape {i}"] = (op, name, dict(dims), dtype, {})
    found[f"{op} blocks 8"] = (op, name, dict(shapes[0]), "float32", {"block_v": 8})
    return found


MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "the other nibble": ("moe_gate_up", "triton_vecmat", "(k % 2) * 4", "(1 - k % 2) * 4"),
    "zero is 7": ("moe_gate_up", "triton_vecmat", "- 8.0", "- 7.0"),
    "the first group's scale": ("moe_gate_up", "triton_vecmat", "scale_rows + start // GROUP", "scale_rows"),
    "the first expert": ("moe_gate_up", "triton_vecmat", "tl.load(expert_ids + pair)", "tl.load(expert_ids)"),
    "the first token": ("moe_gate_up", "triton_vecmat", "(pair // TOP_K)", "0"),
    "an unwritten tail": ("moe_gate_up", "triton_vecmat", "mask=rows_ok)\n\n", "mask=n < ROWS - 4)\n\n"),
    "no router weight": ("moe_down", "triton_vecmat", "total *= tl.load(expert_weights + pair)", "pass"),
    "up is gate": ("moe_down", "triton_vecmat", "gate_at + K", "gate_at"),
    "state not stored": ("gated_delta_rule", "triton_recurrent", "tl.store(tile, s)", "pass"),
    "no decay": ("gated_delta_rule", "triton_recurrent", "s *= tl.exp(-rate * softplus)", "pass"),
    "the wrong k head": ("gated_delta_rule", "triton_recurrent", "head // (V_HEADS // K_HEADS)", "head % K_HEADS"),
}
"""By name: an op's variant, a piece of its text, and what is written there by mistake."""


def planted(name: str, folder: Path) -> Any:
    """The variant's text with the mistake, as a file of its own, checked at the smallest shape that could show it."""
    op, variant, right, wrong = MISTAKES[name]
    text = (REPOSITORY / "kernels" / op / f"{variant}.py").read_text().replace("from ..", "from harness_kernels.")
    assert text.count(right) == 1, f"{name}: {right!r} is not in {op}/{variant}.py once"
    path = folder / f"planted_{len(list(folder.iterdir()))}.py"
    path.write_text(text.replace(right, wrong))
    dims = load_op(op).test_shapes[1 if name == "the first token" else 0]
    return check(load_op(op), load_variant(op, str(path), folder), case_of(op, variant, dims, "float32"), 0)


def main() -> dict[str, Any]:
    torch.set_num_threads(1)
    repair()
    results = {name: verify(*arguments) for name, arguments in checks().items()}
    with TemporaryDirectory() as folder:
        results |= {name: planted(name, Path(folder)) for name in MISTAKES}
    return {name: msgspec.to_builtins(result) for name, result in results.items()}


if __name__ == "__main__":
    kernels_root.bind(REPOSITORY / "kernels")
    json.dump(main(), sys.stdout)
