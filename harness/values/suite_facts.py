"""The part of a suite that a run must carry to be compared with others later."""

from __future__ import annotations

import msgspec

from harness.values.suite import ComparePolicy, Suite

Setting = str | int | tuple[str, ...]


class SuiteFacts(msgspec.Struct, frozen=True):
    """What a suite said on the day of a run, its defaults filled in."""

    model: str
    dtype: str
    """Of the activations."""
    weights: dict[str, Setting]
    """By the key of the suite's section: dtype, group, from, seed, dense. A key that is not here is not known."""
    routing: str
    compare: ComparePolicy


def facts_of(suite: Suite) -> SuiteFacts:
    """The facts that a new run stores."""
    w = suite.weights
    weights: dict[str, Setting] = {
        "dtype": w.dtype, "group": w.group, "from": w.source, "seed": w.seed, "dense": w.dense,
    }  # fmt: skip
    return SuiteFacts(suite.model, suite.dtype, weights, suite.routing, suite.compare)
