"""A composite in its place computes what the ops computed that it replaces, and only there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from harness.decode.arm_ops import ReferenceOps
from harness_kernels.models.qwen3_5_moe import layout, model, weights
from tests.models.hugging_face import DENSE, GROUP, TINY
from tests.models.planted import Wrapped

COMMON: dict[str, Any] = {"group": GROUP, "dtype": torch.float32, "device": "cpu"}
EVERY = {use.op for use in layout.composites(TINY, GROUP, DENSE)}


class ComposedOps:
    """The float32 definitions, those of the chosen composites in one phase too; counts calls by place."""

    def __init__(self, composites: set[str], phase: str | None = None) -> None:
        self.composites, self.phase = composites, phase
        self.calls: Counter[tuple[str, str]] = Counter()

    def bind(self, op: str, site: str, layer: int | None, bound: Mapping[str, Any]) -> Any:
        right = ReferenceOps().bind(op, site, layer, bound)

        def call(phase: str, *inputs: Any) -> Any:
            self.calls[f"{op}@{site}", phase] += 1
            return right(phase, *inputs)

        def covers(phase: str) -> bool:
            return right.covers(phase) or (op in self.composites and phase in (self.phase or phase))

        return Wrapped(call, covers)


def logits(ops: Any) -> torch.Tensor:
    raw = weights.random_weights(TINY, dense=DENSE, seed=0, **COMMON)
    decoder = model.build(TINY, raw, ops, batch=2, capacity=layout.CACHE_BLOCK, **COMMON)
    tokens = torch.randint(TINY["vocab_size"], (2, 9), generator=torch.Generator().manual_seed(3))
    first = decoder.prefill(tokens[:, :6])
    return torch.stack([first, *(decoder.decode(tokens[:, t], torch.tensor([t])) for t in range(6, 9))])


@pytest.mark.parametrize("op", [*sorted(EVERY), "all"])
def test_a_composite_changes_nothing(op: str) -> None:
    chosen = EVERY if op == "all" else {op}
    assert torch.equal(logits(ComposedOps(chosen)), logits(ReferenceOps()))


@pytest.mark.parametrize("op", sorted(EVERY))
def test_what_a_composite_replaces_is_not_called(op: str) -> None:
    """In decode, where it is chosen: its own places as often as declared, and none that it replaces. In prefill the
    parts run as ever."""
    ops = ComposedOps({op}, "decode")
    logits(ops)
    uses = [use for use in layout.composites(TINY, GROUP, DENSE) if use.op == op]
    for use in uses:
        assert ops.calls[use.op_site, "decode"] == 3 * use.calls
        assert not ops.calls[use.op_site, "prefill"]
        for place in use.replaces:
            assert not ops.calls[place, "decode"], place
            assert ops.calls[place, "prefill"], place


def test_composites_are_offered_only_where_their_weights_are() -> None:
    """The block needs a packed shared expert with a dense gate, routing a dense router, the half of a layer both."""
    offered = {use.op for use in layout.composites(TINY, GROUP, ())}
    assert EVERY - offered == {"route", "moe_block", "moe_layer"}
    assert not {"moe_block", "moe_layer"} & {use.op for use in layout.composites(TINY, GROUP, (*DENSE, "shared_down"))}
