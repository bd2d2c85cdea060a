"""The least work of a whole forward pass: the sum of its ops, each counted as often as the model calls it."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from harness.load_kernels import load_op
from harness.measure.inputs import make_inputs
from harness.measure.operand_sets import torch_dtype
from harness.measure.work import counted_work
from harness.plan.calls import dims_in_pass, uses
from harness.suite.catalogue import kernels_of
from harness.values.measurement import Work
from harness.values.profile import SiteWork
from harness.values.suite import Suite


def model_work(suite: Suite, phase: str, batch: int, context: int) -> Work | None:
    """Bytes and FLOP of one decode step over `context` cached tokens, or of one prefill of `context` tokens.

    None for a torch module, whose ops have no names.
    """
    if suite.module is not None:
        return None
    sites = [_site(suite, use, phase, batch, context) for use in uses(suite, composites=False)]
    return Work(sum(s.read_bytes for s in sites), sum(s.write_bytes for s in sites), sum(s.flop for s in sites))


def step_work(suite: Suite, batch: int, context: int) -> tuple[SiteWork, ...]:
    """The work of each place of an op in a decode step, including composite ops; an arm's profile tells which of them
    it has.
    """
    return tuple(_site(suite, use, "decode", batch, context) for use in uses(suite))


def _site(suite: Suite, use: Any, phase: str, batch: int, context: int) -> SiteWork:
    dims, count = dims_in_pass(use, phase, batch, context), kernels_of(suite).spec(use.op).cost
    cost = count(dims) if count else _counted(use.op, suite.dtype, tuple(dims.items()))
    amounts = (use.calls * amount for amount in (cost.read_bytes, cost.write_bytes, cost.flop))
    return SiteWork(use.op_site, use.calls, *amounts)


@cache
def _counted(op: str, dtype: str, dims: tuple[tuple[str, int], ...]) -> Work:
    """The work of an op that states no cost, counted from one call of its definition."""
    loaded = load_op(op)
    if loaded.cost is not None:
        cost = loaded.cost(dict(dims))
        return Work(cost.read_bytes, cost.write_bytes, cost.flop)
    made = make_inputs(loaded, dict(dims), torch_dtype(dtype), "cpu", torch.Generator().manual_seed(0), "uniform")
    return counted_work(loaded, dtype, made)
