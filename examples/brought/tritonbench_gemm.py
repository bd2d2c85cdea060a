"""The implementations of tritonbench's operator `gemm` as one variant of `linear`, its name a tunable.

    harness try examples/brought/tritonbench_gemm.py --op linear implementation=triton_tutorial_matmul

In tritonbench an implementation is a method that takes the inputs and returns the call to be timed. What it prepares
before it returns that call is part of the call here: whoever uses it pays it too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from torch import Tensor

OPERATOR = "gemm"


def supports(case: Any) -> str | None:
    if not find_spec("tritonbench"):
        return "needs tritonbench: pip install git+https://github.com/meta-pytorch/tritonbench"
    name = case.answer.tunables.get("implementation", "aten_matmul")
    known = implementations()
    return (
        None if name in known else f"tritonbench's {OPERATOR} has no implementation {name}; it has {', '.join(known)}"
    )


@cache
def _operator() -> Any:
    """The operator without its command line: no shapes or metrics of its own are needed for one call."""
    operator = object.__new__(import_module(f"tritonbench.operators.{OPERATOR}.operator").Operator)
    operator.use_buffer_ops = False
    operator.template_filter_regex = operator.inductor_autotune_num_choices_displayed = None
    return operator


def implementations() -> tuple[str, ...]:
    """The names that tritonbench registers and that run here."""
    _operator()
    registered = import_module("tritonbench.utils.triton_op").REGISTERED_BENCHMARKS.get(OPERATOR, {})
    return tuple(name for name, backend in registered.items() if getattr(backend, "enabled", True))


def run(x: Tensor, weight: Tensor, *, implementation: str = "aten_matmul") -> Tensor:
    """x [tokens, k], weight [n, k] -> [tokens, n]."""
    call: Callable[[], Tensor] = getattr(_operator(), implementation)(x, weight.T, None)
    return call()
