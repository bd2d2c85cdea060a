"""A decode step is ops and views and nothing else: it can be captured, and every microsecond has an op's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from harness.decode.arm_ops import ReferenceOps
from harness.load_kernels import load_spec
from harness_kernels.models.qwen3_5_moe import layout, model, weights
from harness_kernels.operands import evaluate
from tests.models.hugging_face import DENSE, GROUP, TINY
from tests.models.planted import Wrapped

COMMON: dict[str, Any] = {"group": GROUP, "dtype": torch.float32}


class OutsideOps(TorchDispatchMode):
    """Counts what torch executes outside the bound ops. copies: results that are no view of an input."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.views: list[str] = []
        self.copies: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not self.inside:
            views = func.is_view or func is torch.ops.aten._unsafe_view.default
            (self.views if views else self.copies).append(str(func))
        return func(*args, **(kwargs or {}))

    def bind(self, op: str, site: str, layer: int | None, bound: Mapping[str, Any]) -> Any:
        right = ReferenceOps().bind(op, site, layer, bound)

        def call(phase: str, *inputs: Any) -> Any:
            self.inside = True
            try:
                return right(phase, *inputs)
            finally:
                self.inside = False

        return Wrapped(call, right.covers)


@pytest.mark.parametrize(("batch", "copies"), [(1, 0), (3, 5)])
def test_between_ops_are_views(batch: int, copies: int) -> None:
    """At batch 1 a step copies nothing; at others the rows of z, q and k are made contiguous for their norms (3 linear
    layers, 1 attention layer), and nothing else."""
    watch = OutsideOps()
    raw = weights.random_weights(TINY, dense=DENSE, seed=0, device="cpu", **COMMON)
    decoder = model.build(TINY, raw, watch, batch=batch, capacity=8, device="cpu", **COMMON)
    tokens, position = torch.arange(batch), torch.tensor([0])
    with watch:
        decoder.sample(decoder.decode(tokens, position))
    assert len(watch.views) > 10
    assert watch.copies.count("aten.clone.default") == len(watch.copies) == copies


class ShapesOnly:
    """Ops that return outputs of the declared shape without looking at a value, on a device that has none."""

    def __init__(self, batch: int, fused: bool) -> None:
        uses = (*layout.uses(TINY, GROUP, DENSE), *layout.composites(TINY, GROUP, DENSE))
        self.use = {(use.op, use.site): use for use in uses}
        self.batch, self.fused = batch, fused

    def bind(self, op: str, site: str, layer: int | None, bound: Mapping[str, Any]) -> Any:
        spec = load_spec(op).op
        dims = {**self.use[op, site].dims, "tokens": self.batch, "batch": self.batch}

        def call(phase: str, *inputs: Any) -> Any:
            given = iter(inputs)
            for i in spec.inputs:
                value = bound[i.name] if i.name in bound else next(given)
                if isinstance(value, Tensor) and "capacity" not in i.shape:
                    assert tuple(value.shape) == tuple(evaluate(size, dims) for size in i.shape), (op, i.name)
                    assert value.stride(-1) == 1, (op, i.name)
            assert next(given, None) is None, op
            out = tuple(
                torch.empty(
                    [evaluate(size, dims) for size in shape], device="meta",
                    dtype=torch.int64 if name in spec.integer_outputs else torch.float32,
                ) for name, shape in spec.outputs
            )  # fmt: skip
            return out[0] if len(out) == 1 else out

        return Wrapped(call, lambda phase: self.fused or not spec.replaces)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("batch", [1, 8])
def test_a_step_asks_for_no_value(batch: int, fused: bool) -> None:
    """A step runs on tensors without values: no shape, branch or address in it depends on one. Every input has the
    declared shape and a contiguous last dimension."""
    raw = weights.random_weights(TINY, dense=DENSE, seed=0, device="cpu", **COMMON)
    sizes = {"batch": batch, "capacity": layout.CACHE_BLOCK}
    decoder = model.build(TINY, raw, ShapesOnly(batch, fused), device="meta", **sizes, **COMMON)
    tokens = torch.empty(batch, dtype=torch.int64, device="meta")
    logits = decoder.decode(tokens, torch.empty(1, dtype=torch.int64, device="meta"))
    assert logits.shape == (batch, TINY["vocab_size"])
    assert decoder.sample(logits).shape == (batch,)
