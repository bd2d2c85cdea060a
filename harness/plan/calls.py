"""The calls of a forward pass: every place of an op in a suite's model, and its sizes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.suite.catalogue import kernels_of
from harness.suite.shapes import CACHE_BLOCK
from harness.values.suite import Suite


def uses(suite: Suite, composites: bool = True) -> tuple[Any, ...]:
    """Every place of an op in the suite's model (`contract.Use`), then those of composite ops. Empty without a model,
    or if it is a torch module."""
    if not suite.architecture:
        return ()
    model = (suite.dims, suite.weights.group, suite.weights.dense)
    if composites:
        return kernels_of(suite).uses(suite.architecture, *model)
    found: tuple[Any, ...] = kernels_of(suite).layout(suite.architecture).uses(*model)
    return found


def dims_in_pass(use: Any, phase: str, batch: int, context: int) -> dict[str, int]:
    """An op's sizes in a decode step after `context` cached tokens, or in the prefill of a prompt of `context` tokens.
    In prefill, the ops behind the last hidden state are called with one token of each sequence alone."""
    length, cached = (1, context) if phase == "decode" else (max(context, 1), 0)
    last = getattr(use, "last", use.site == "lm_head")  # kernels of an older revision do not say so
    return dims_at(use.dims, tokens=batch if last else batch * length, batch=batch, length=length, context=cached)


def dims_at(dims: Mapping[str, int], *, tokens: int, batch: int, length: int, context: int) -> dict[str, int]:
    """An op's sizes in a call of `tokens` tokens: `batch` sequences of `length` new ones after `context` cached ones.
    Only the op's own sizes are set. The cache holds all tokens, in whole blocks."""
    capacity = -(-(context + length) // CACHE_BLOCK) * CACHE_BLOCK
    axes = {"tokens": tokens, "batch": batch, "length": length, "context": context, "capacity": capacity}
    return {**dims, **{name: value for name, value in axes.items() if name in dims}}
