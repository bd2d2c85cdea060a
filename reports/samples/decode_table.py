"""The suites behind the table of decodes: batch 1 and 8, 32,768 tokens of context, prefill of 2,048, peers, and the
small products at four tokens.

Usage: decode_table.py suites FOLDER writes decode_table.yaml and decode_long.yaml. Another context needs another room
for keys and values in all of its arms, so that it is a suite of its own.

Or: decode_table.py compile PART PARTS compiles one part of the kernels of `phases` into Triton's cache, so that many
cores prepare one GPU's run. Each kernel is compiled from its declared operands; a GPU is not touched.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "suites" / "qwen3_5_moe.yaml"
COMPILED = ((1, 1024), (8, 1024), (1, 2048), (1, 32768))
"""Sequences and context."""


def suites() -> dict[str, dict[str, Any]]:
    """By file name."""
    table = yaml.safe_load(SUITE.read_text(encoding="utf-8"))
    del table["sweep"]
    arms = table["arms"]
    table["compare"] = {"gate": ["decode", "prefill"], "same_within_percent": 1, "budget_s": 600}
    shapes = {"batch": [1], "context": [1024], "also": [[8, 1024], [1, 2048]], "new_tokens": 256}
    short = table | {
        "title": "Qwen3.5-35B-A3B: one run of all shapes of a decode",
        "arms": {name: arm for name, arm in arms.items() if name not in ("autotuned", "published")},
        "kernels": {"ops": ["int4_mm"], "tokens": [4], "context": [1024]},
        "decode": {"engines": ["cuda_graph"], **shapes},
    }
    long = table | {
        "title": "Qwen3.5-35B-A3B: 32,768 tokens of context",
        "arms": {
            "baseline": arms["baseline"],
            "phases": arms["phases"],
            "phases_split": {name: answer for name, answer in arms["phases"].items() if name != "attention_layer"},
        },
        "decode": {"engines": ["cuda_graph"], "batch": [1], "context": [32768], "new_tokens": 64},
    }
    del long["kernels"]
    return {"decode_table.yaml": short, "decode_long.yaml": long}


def compile_part(part: int, parts: int) -> None:
    """Compile every kernel launch whose number is `part` modulo `parts`, for compute capability 9.0."""
    import triton
    from triton.runtime.jit import JITFunction

    from harness import kernels_root
    from harness.decode.support import calls_of
    from harness.load_kernels import load_op
    from harness.plan import expand
    from harness.suite.load import load_suite

    # The tests' own stand-ins for a GPU and for operands; the tests are no package of the distribution.
    target = importlib.import_module("tests.kernels.compiled").Target(90)
    operand = importlib.import_module("tests.kernels.early_starts").operand
    kernels_root.bind(ROOT / "kernels")
    triton.runtime.driver.set_active(target)
    launch, seen = JITFunction.run, [0]

    def compile_only(self: Any, *arguments: Any, grid: Any, warmup: Any, **options: Any) -> Any:
        seen[0] += 1
        return launch(self, *arguments, grid=grid, warmup=True, **options) if seen[0] % parts == part else None

    JITFunction.run = compile_only
    plan = expand(load_suite(SUITE), arms=["phases"])
    for batch, context in COMPILED:
        for _, case, variant in calls_of(plan, "phases", batch, context):
            refused = variant.supports is not None and variant.supports(case)
            if variant.name.startswith("triton_") and not refused:
                operands = [operand(given, case.dims) for given in load_op(str(case.op)).op.inputs]
                variant.run(*operands, **variant.tunables_of(case.answer))


if __name__ == "__main__":
    if sys.argv[1] == "compile":
        compile_part(int(sys.argv[2]), int(sys.argv[3]))
    else:
        for name, suite in suites().items():
            Path(sys.argv[2], name).write_text(yaml.safe_dump(suite, sort_keys=False), encoding="utf-8")
