"""The float32 definitions as a model's ops, one of them with a mistake in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from harness.decode.arm_ops import ReferenceOps

Call = Callable[..., Any]


class PlantedOps:
    """ReferenceOps, but for one op, at one site or at all. call: gets the right op and its inputs. weights: gets the
    right weights by name and returns those that are bound instead."""

    def __init__(
        self, op: str, call: Callable[..., Any] | None = None, *, site: str | None = None,
        weights: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        self.op, self.site, self.call, self.weights = op, site, call, weights
        self.bound = 0

    def bind(self, op: str, site: str, layer: int | None, weights: Mapping[str, Any]) -> Call:
        planted = op == self.op and site == (self.site or site)
        changed = {**weights, **self.weights(dict(weights))} if planted and self.weights else weights
        right = ReferenceOps().bind(op, site, layer, changed)
        call = self.call
        self.bound += planted
        if not planted or call is None:
            return right
        return Wrapped(lambda phase, *inputs: call(right, phase, *inputs), right.covers)


class Wrapped:
    """A call in the place of a bound op's own."""

    def __init__(self, call: Callable[..., Any], covers: Callable[[str], bool]) -> None:
        self._call, self.covers = call, covers

    def __call__(self, phase: str, *inputs: Any) -> Any:
        return self._call(phase, *inputs)


def frozen(position: int) -> Call:
    """The op works on a copy of the state at this place of its inputs: what it writes is lost."""

    def call(right: Call, phase: str, *inputs: Any) -> Any:
        copied = [value.clone() if i == position else value for i, value in enumerate(inputs)]
        return right(phase, *copied)

    return call


def rotates_the_last_dims(right: Call, phase: str, q: Tensor, k: Tensor, positions: Tensor) -> Any:
    return tuple(x.flip(-1) for x in right(phase, q.flip(-1), k.flip(-1), positions))


def rotates_neighbours(right: Call, phase: str, q: Tensor, k: Tensor, positions: Tensor) -> Any:
    """Pairs (0, 1), (2, 3), .. of the first 8 dims in the place of (0, 4), (1, 5), .."""
    order = torch.cat((torch.tensor([0, 2, 4, 6, 1, 3, 5, 7]), torch.arange(8, q.shape[-1])))
    back = order.argsort()
    return tuple(x[..., back] for x in right(phase, q[..., order], k[..., order], positions))


def routes_unnormalised(right: Call, phase: str, scores: Tensor) -> Any:
    _, ids = right(phase, scores)
    return torch.softmax(scores, -1).gather(1, ids.long()), ids


def drops_an_expert(right: Call, phase: str, rows: Tensor, ids: Tensor, weights: Tensor) -> Any:
    return right(phase, rows, ids, torch.cat((weights[:, :-1], torch.zeros_like(weights[:, -1:])), dim=1))


def swaps_a_and_b(right: Call, phase: str, qkv: Tensor, a: Tensor, b: Tensor, state: Tensor) -> Any:
    return right(phase, qkv, b, a, state)


def sees_the_next_slot(right: Call, phase: str, q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Any:
    return right(phase, q, k, v, positions + 1)


FAULTS: dict[str, PlantedOps] = {
    "the attention gate is not applied": PlantedOps("sigmoid_gate", lambda right, phase, x, gate: x),
    "a norm without the 1": PlantedOps("rms_norm", site="ln", weights=lambda w: {"weight": w["weight"] - 1}),
    "a QK norm without the 1": PlantedOps("rms_norm", site="k_norm", weights=lambda w: {"weight": w["weight"] - 1}),
    "the last norm is left out": PlantedOps("rms_norm", lambda right, phase, x: x, site="final"),
    "a gated norm with a 1": PlantedOps("gated_rms_norm", weights=lambda w: {"weight": w["weight"] + 1}),
    "rope on the last dims": PlantedOps("rope", rotates_the_last_dims),
    "rope on neighbours": PlantedOps("rope", rotates_neighbours),
    "rope with another base": PlantedOps("rope", weights=lambda w: {"theta": 10000}),
    "the cache is not written": PlantedOps("kv_append", lambda right, phase, *inputs: None),
    "attention sees a slot too many": PlantedOps("sdpa", sees_the_next_slot),
    "the delta state is not updated": PlantedOps("gated_delta_rule", frozen(3)),
    "the convolution's state is not updated": PlantedOps("causal_conv", frozen(1)),
    "the convolution is off by one": PlantedOps("causal_conv", weights=lambda w: {"weight": w["weight"].roll(1, 1)}),
    "a and b are swapped": PlantedOps("gated_delta_rule", swaps_a_and_b),
    "a_log is taken for a": PlantedOps("gated_delta_rule", weights=lambda w: {"a_log": w["a_log"].exp()}),
    "dt_bias is left out": PlantedOps("gated_delta_rule", weights=lambda w: {"dt_bias": 0 * w["dt_bias"]}),
    "router weights are not renormalised": PlantedOps("router", routes_unnormalised),
    "the last expert is dropped": PlantedOps("moe_down", drops_an_expert),
    "gate and up are swapped": PlantedOps("swiglu", lambda right, phase, x: right(phase, x.roll(x.shape[1] // 2, 1))),
    "the shared expert's gate is left out": PlantedOps("gated_add", lambda right, phase, x, y, gate: x + y),
    "the mixer's residual is left out": PlantedOps("residual_add", lambda right, phase, x, y: y, site="mixer"),
    "one wrong scale": PlantedOps("int4_mm", site="gdn_out", weights=lambda w: {"scale": w["scale"].roll(1, 0)}),
}
