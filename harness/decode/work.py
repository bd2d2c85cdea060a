"""The least work of a whole forward pass: the sum of its ops, each counted as often as the model calls it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.plan import dims_at
from harness.suite.catalogue import load_layout, load_spec, model_uses
from harness.values.measurement import Work
from harness.values.profile import SiteWork
from harness.values.suite import Suite


def model_work(suite: Suite, phase: str, batch: int, context: int) -> Work:
    """Bytes and FLOP of one decode step over `context` cached tokens, or of one prefill of `context` tokens."""
    layout = load_layout(suite.architecture)
    sites = _sites(suite, layout.uses(suite.dims, suite.weights.group, suite.weights.dense), phase, batch, context)
    return Work(sum(s.read_bytes for s in sites), sum(s.write_bytes for s in sites), sum(s.flop for s in sites))


def step_work(suite: Suite, batch: int, context: int) -> tuple[SiteWork, ...]:
    """Each place of an op in a decode step, those of composite ops too: which of them an arm has, its profile says."""
    uses = model_uses(suite.architecture, suite.dims, suite.weights.group, suite.weights.dense)
    return tuple(_sites(suite, uses, "decode", batch, context))


def _sites(suite: Suite, uses: Iterable[Any], phase: str, batch: int, context: int) -> list[SiteWork]:
    length = 1 if phase == "decode" else context
    start = context if phase == "decode" else 0
    found = []
    for use in uses:
        tokens = batch if use.site == "lm_head" else batch * length
        cost = load_spec(use.op).cost(dims_at(use.dims, tokens=tokens, batch=batch, length=length, context=start))
        amounts = (use.calls * amount for amount in (cost.read_bytes, cost.write_bytes, cost.flop))
        found.append(SiteWork(f"{use.op}@{use.site}", use.calls, *amounts))
    return found
