"""Run as a program: traces every variant as torch.compile would, with a Triton that has no GPU, and prints
why one is no full graph."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.utils._triton
import triton

from harness.load_kernels import load_op, load_variant
from harness.static.compile_case import meta_inputs
from harness.suite.catalogue import load_spec, ops, variants
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import case_of
from tests.kernels.compiled import Target


class _Traced(Exception):
    """The graph is whole; nothing is to be run."""


def problem(op: str, name: str) -> str | None:
    """Why a variant is no full graph at the first test shape that it supports; None where it is one."""
    variant = load_variant(op, name, REPOSITORY)
    for dims in load_op(op).test_shapes:
        case = case_of(op, name, dict(dims), "bfloat16")
        if variant.supports is None or not variant.supports(case):
            return _trace(variant.run, meta_inputs(load_spec(op), variant, case.dims, "bfloat16"))
    return "supports no test shape"


def _trace(run: Callable[..., Any], inputs: Sequence[Any]) -> str | None:
    def stop(*_: object) -> None:
        raise _Traced

    torch._dynamo.reset()
    try:
        torch.compile(lambda *args: run(*args), fullgraph=True, backend=stop, dynamic=False)(*inputs)
    except Exception as error:
        return None if _Traced.__name__ in f"{error}{error.__cause__!r}" else str(error).splitlines()[0]
    return "nothing was traced"


if __name__ == "__main__":
    torch.utils._triton.has_triton = lambda *_: True
    triton.runtime.driver.set_active(Target(90))
    ours = [(op, name) for op in ops() for name in variants(op) if not name.startswith("fla")]
    print(json.dumps({f"{op}/{name}": problem(op, name) for op, name in ours}))
