"""Random weights look like a trained checkpoint's, and a model of them behaves like one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.decode.arm_ops import ReferenceOps
from harness_kernels.models.qwen3_5_moe import model, weights
from harness_kernels.packing import dequantise, unpack
from tests.models.hugging_face import DENSE, TINY
from tests.models.planted import Wrapped

DIMS = {**TINY, "hidden_size": 256, "moe_intermediate_size": 128, "shared_expert_intermediate_size": 128}
GROUP = 64


def make(seed: int = 0, **change: Any) -> weights.Weights:
    dims = {**DIMS, "linear_value_head_dim": 32, "num_hidden_layers": 4, **change}
    return weights.random_weights(dims, group=GROUP, dense=DENSE, dtype=torch.float32, device="cpu", seed=seed)


def every_tensor(made: weights.Weights) -> list[Tensor]:
    return [tensor for sites in (made.top, *made.layers) for site in sites.values() for tensor in site.values()]


def test_a_seed_is_the_weights() -> None:
    """The same seed gives the same bytes, another seed other ones."""
    first, again, other = make(0), make(0), make(1)
    assert all(torch.equal(a, b) for a, b in zip(every_tensor(first), every_tensor(again), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(every_tensor(first), every_tensor(other), strict=True))


def test_no_two_tensors_are_alike() -> None:
    """Layers and experts are drawn one after the other, none is a copy."""
    made = make()
    pools = [layer["moe_gate_up"]["weight"] for layer in made.layers]
    rows = torch.cat([pool.flatten(0, 1) for pool in pools])
    assert len(rows.unique(dim=0)) == len(rows)


@pytest.mark.parametrize("site", ["moe_gate_up", "moe_down", "gdn_in", "shared_down"])
def test_nibbles_are_distributed_as_a_quantised_bell(site: str) -> None:
    """Levels lie around 8 (zero) with the spread that a Gaussian has in groups of 64, symmetric, both ends used."""
    levels = unpack(make().layers[0][site]["weight"]).float() - 8
    shares = torch.bincount((levels + 8).long().flatten(), minlength=16) / levels.numel()
    assert abs(levels.mean()) < 0.05
    assert levels.std().item() == pytest.approx(7 / 2.55, rel=0.03)  # the largest of 64 is at 2.55 sigma
    assert shares[0] == 0  # -8 would need a scale that is not the group's largest over 7
    assert shares[1:].min() > 0.01
    assert shares[8] == shares.max()
    assert torch.allclose(shares[1:8], shares[9:].flip(0), atol=0.01)


def test_matrices_have_a_checkpoints_size() -> None:
    """A product keeps the size of what it multiplies, whatever the number of columns; those that end a branch of the
    residual stream make it a fifth. Rows differ by some 20 %."""
    for site, size in {"moe_gate_up": 0.9, "gdn_in": 0.9, "moe_down": 0.18, "gdn_out": 0.18}.items():
        packed = make().layers[0][site]
        matrix = dequantise(packed["weight"], packed["scale"], GROUP)
        assert (matrix.square().sum(-1).mean().sqrt()).item() == pytest.approx(size, rel=0.1), site
        row_sizes = matrix.norm(dim=-1).log().std().item()
        assert 0.15 < row_sizes < 0.3, site


def test_decay_spans_short_and_long_memory() -> None:
    """A_log and dt_bias give decays a step from below 0.7 to above 0.999, none of them 0 or 1."""
    delta = make(linear_num_value_heads=64).layers[0]["delta"]
    decay = torch.exp(-delta["a_log"].exp() * torch.nn.functional.softplus(delta["dt_bias"]))
    assert delta["a_log"].dtype == delta["dt_bias"].dtype == torch.float32
    assert decay.min() < 0.7
    assert decay.max() > 0.995
    assert ((decay > 0) & (decay < 1)).all()


@pytest.fixture(scope="module")
def deep() -> tuple[dict[str, Any], weights.Weights]:
    """40 layers."""
    dims = {**DIMS, "linear_value_head_dim": 32, "num_hidden_layers": 40, "num_experts": 32, "num_experts_per_tok": 4}
    common: dict[str, Any] = {"dtype": torch.bfloat16, "device": "cpu"}
    return dims, weights.random_weights(dims, group=GROUP, dense=DENSE, seed=0, **common)


def prefill(deep: tuple[dict[str, Any], weights.Weights], ops: ReferenceOps, dtype: torch.dtype) -> Tensor:
    """Logits [24, vocab] of two texts of 12 tokens."""
    dims, raw = deep
    decoder = model.build(dims, raw, ops, batch=2, capacity=16, group=GROUP, dtype=dtype, device="cpu")
    tokens = torch.randint(dims["vocab_size"], (2, 12), generator=torch.Generator().manual_seed(0))
    return decoder.prefill(tokens, every=True).flatten(0, 1).float()


def test_forty_layers_stay_sane(deep: tuple[dict[str, Any], weights.Weights]) -> None:
    """Through 40 layers activations stay of the order of 1, every layer counts, and the choice of experts and tokens is
    clear: neither ties nor one that takes all."""
    watch = WatchingOps()
    logits = prefill(deep, watch, torch.float32)
    stream = watch.seen["residual_add"]
    assert all(0.5 < x.square().mean().sqrt() < 5 for x in stream)
    changes = [((y - x).norm() / x.norm()).item() for x, y in pairwise(stream)]
    assert all(0.02 < change < 0.3 for change in changes)
    assert 1 < logits.std() < 5
    top = logits.topk(2).values
    assert (top[:, 0] - top[:, 1]).median() > 0.1
    first = torch.cat([router[0][:, 0] for router in watch.seen["router"]])
    last = torch.cat([router[0][:, -1] for router in watch.seen["router"]])
    assert 0.35 < first.mean() < 0.75  # of 4 experts; 0.25 would be no choice
    assert last.mean() > 0.03
    used = torch.cat([router[1].flatten() for router in watch.seen["router"]]).bincount(minlength=32)
    assert (used > 0).all()


def test_rounding_does_not_grow(deep: tuple[dict[str, Any], weights.Weights]) -> None:
    """Rounding every output to bfloat16 moves the logits of 40 layers by a few per cent: two right sets of kernels can
    be told from a wrong one."""
    exact = prefill(deep, ReferenceOps(), torch.float32)
    rounded = prefill(deep, RoundingOps(), torch.bfloat16)
    assert 0.001 < (rounded - exact).square().mean().sqrt() / exact.std() < 0.08


class RoundingOps(ReferenceOps):
    """Outputs in bfloat16, as variants return them; router weights stay float32."""

    def bind(self, op: str, site: str, layer: int | None, bound: Any) -> Any:
        right = super().bind(op, site, layer, bound)
        if op in ("router", "greedy", "kv_append"):
            return right
        if op == "rope":
            return Wrapped(lambda *inputs: tuple(x.to(torch.bfloat16) for x in right(*inputs)), right.covers)
        return Wrapped(lambda *inputs: right(*inputs).to(torch.bfloat16), right.covers)


class WatchingOps(ReferenceOps):
    """Keeps what the ops of interest returned, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, list[Any]] = {"residual_add": [], "router": []}

    def bind(self, op: str, site: str, layer: int | None, bound: Any) -> Any:
        right = super().bind(op, site, layer, bound)

        def call(phase: str, *inputs: Any) -> Any:
            out = right(phase, *inputs)
            self.seen.get(op, []).append(out)
            return out

        return Wrapped(call, right.covers)


def test_pieces_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix packed in pieces is the matrix packed at once, in the shape asked for."""
    matrix = torch.randn(3, 10, 128, generator=torch.Generator().manual_seed(0))
    common: dict[str, Any] = {"group": 32, "dtype": torch.bfloat16, "device": "cpu"}
    whole = weights.packed([matrix.flatten(0, 1)], (3, 10, 128), **common)
    pieces = weights.packed(matrix.flatten(0, 1).split(7), (3, 10, 128), **common)
    assert all(torch.equal(whole[name], pieces[name]) for name in whole)
    assert whole["weight"].shape == (3, 10, 64)
    assert whole["scale"].dtype == torch.bfloat16
    with pytest.raises(ValueError, match="29 rows for a matrix of 30"):
        weights.packed([matrix.flatten(0, 1)[:29]], (3, 10, 128), **common)
    monkeypatch.setattr(weights, "CHUNK", 1000)
    assert make().layers[0]["moe_down"]["weight"].shape == (8, 256, 64)
