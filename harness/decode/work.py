"""The least work of a whole forward pass: the sum of its ops, each counted as often as the model calls it."""

from __future__ import annotations

from harness.plan import dims_at
from harness.suite.catalogue import load_layout, load_spec
from harness.values.measurement import Work
from harness.values.suite import Suite


def model_work(suite: Suite, phase: str, batch: int, context: int) -> Work:
    """Bytes and FLOP of one decode step over `context` cached tokens, or of one prefill of `context` tokens."""
    length = 1 if phase == "decode" else context
    start = context if phase == "decode" else 0
    read_bytes = write_bytes = flop = 0
    for use in load_layout(suite.architecture).uses(suite.dims, suite.weights.group, suite.weights.dense):
        tokens = batch if use.site == "lm_head" else batch * length
        cost = load_spec(use.op).cost(dims_at(use.dims, tokens=tokens, batch=batch, length=length, context=start))
        read_bytes += use.calls * cost.read_bytes
        write_bytes += use.calls * cost.write_bytes
        flop += use.calls * cost.flop
    return Work(read_bytes, write_bytes, flop)
