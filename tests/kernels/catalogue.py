"""Ops and variants of the bound folder by name, and one check of a variant at one shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import torch

from harness.load_kernels import LoadedOp, LoadedVariant, load_op, load_operands, load_variant
from harness.measure.verify import verify_variant
from harness.suite.catalogue import ops, variants
from harness.values.case import Case, Implementation, Tunables
from harness.values.measurement import Correctness
from tests.conftest import REPOSITORY

OPS = sorted(ops())
VARIANTS = [(op, name) for op in OPS for name in sorted(variants(op))]
DTYPES = ("float32", "bfloat16")


def case_of(op: str, variant: str, dims: Mapping[str, int], dtype: str, tunables: Tunables | None = None) -> Case:
    answer = Implementation(variant, tunables or {})
    return Case("kernel", "test", dtype, {}, op=op, site="test", dims=dict(dims), answer=answer)


def verify(
    op: str, name: str, dims: Mapping[str, int], dtype: str, tunables: Tunables | None = None, salt: int = 0
) -> Correctness:
    """A variant on the CPU by name; the harness's own check, three calls on random operands."""
    return check(load_op(op), load_variant(op, name, REPOSITORY), case_of(op, name, dims, dtype, tunables), salt)


def verify_run(op: str, run: Callable[..., Any], dims: Mapping[str, int], dtype: str) -> Correctness:
    """The same for a function, for example one with a planted mistake. Its numbers were compared: nothing that breaks
    the contract is taken for a mistake."""
    planted = LoadedVariant(op, "planted", run, {}, None, None, REPOSITORY, "", "")
    result = check(load_op(op), planted, case_of(op, "planted", dims, dtype), 0)
    assert result.elements, result.region
    return result


def copied_definition(op: str) -> Callable[..., Any]:
    """The op's definition as a function of its own: a variant may not call the one that it is compared with."""
    definition = load_op(op).reference
    assert isinstance(definition, FunctionType) and not definition.__closure__
    return FunctionType(definition.__code__, definition.__globals__, argdefs=definition.__defaults__)


def check(op: LoadedOp, variant: LoadedVariant, case: Case, salt: int) -> Correctness:
    return verify_variant(op, variant, case, getattr(torch, case.dtype), "cpu", salt, stress_s=math.inf)


def operands_of(op: str, dims: Mapping[str, int], dtype: torch.dtype = torch.float32, seed: int = 0) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    made: dict[str, Any] = load_operands().make(load_op(op).op, dims, dtype, "cpu", generator)
    return made
