"""Run as a program with TRITON_INTERPRET=1: checks flash-linear-attention's variants on CPU tensors.

Its autotuners time their configurations, which needs a GPU; here each takes its first.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import torch
import triton.runtime.interpreter  # noqa: F401  what is repaired
from triton.runtime.autotuner import Autotuner

from harness import kernels_root
from harness.load_kernels import load_op, load_variant
from harness.measure.interpreter import repair
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import DTYPES, VARIANTS, case_of, verify

FLA = [(op, name) for op, name in VARIANTS if name.startswith("fla")]
NOT_INTERPRETED = {("gated_delta_rule", "fla_chunked")}
"""One of its kernels calls `.to` on a number, which Triton's interpreter does not take: checked on a GPU alone."""


def main() -> dict[str, Any]:
    torch.set_num_threads(1)
    repair()
    run = Autotuner.run

    def first(tuner: Any, *args: Any, **options: Any) -> Any:
        tuner.configs = tuner.configs[:1]
        return run(tuner, *args, **options)

    Autotuner.run = first
    found: dict[str, Any] = {}
    for op, name in FLA:
        supports = load_variant(op, name, REPOSITORY).supports
        if supports is None or (op, name) in NOT_INTERPRETED:
            continue
        for dtype in DTYPES:
            for number, dims in enumerate(load_op(op).test_shapes):
                if supports(case_of(op, name, dims, dtype)) is None:
                    found[f"{op}/{name} {dtype} shape {number}"] = msgspec.to_builtins(verify(op, name, dims, dtype))
    return found


if __name__ == "__main__":
    kernels_root.bind(REPOSITORY / "kernels")
    json.dump(main(), sys.stdout)
