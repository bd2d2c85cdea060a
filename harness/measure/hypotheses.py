"""Known mistakes of kernels, as changes of an op's inputs: given the changed inputs, the reference computes the result
of the mistaken kernel. They are chosen by the declared role, fill and shape of an input, not by op."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Operands = dict[str, Any]
Call = Callable[[Operands], tuple[Tensor, ...]]
"""The op's reference: operands by name -> its outputs, states included, float32."""


@dataclass(frozen=True)
class Hypothesis:
    """pattern: the kind of mistake. words: the mistake in a sentence. outputs: computes the results of a kernel that
    makes it."""

    pattern: str
    words: str
    outputs: Callable[[], tuple[Tensor, ...]]


def hypotheses(op: Any, operands: Operands, dims: Mapping[str, int], reference: Call) -> Iterator[Hypothesis]:
    """The mistakes that this op could have, cheapest explanations first. op: `contract.Op`; operands: raw, by name."""

    def changed(pattern: str, words: str, **new: Any) -> Hypothesis:
        return Hypothesis(pattern, words, lambda: reference({**operands, **new}))

    inputs = {i.name: i for i in op.inputs}
    yield from _int4(inputs, operands, changed, reference)
    yield from _scales(inputs, operands, changed)
    yield from _experts(inputs, operands, dims, changed)
    yield from _norms(inputs, operands, changed)
    yield from _rotations(inputs, operands, dims, reference)
    yield from _attention(inputs, operands, dims, changed)
    yield from _activations(inputs, operands, dims, changed)


def _int4(inputs: Any, operands: Operands, changed: Any, reference: Call) -> Iterator[Hypothesis]:
    packed = [name for name, i in inputs.items() if i.fill == "int4"]
    for name in packed:
        weight = operands[name]
        swapped = (weight >> 4) | (weight << 4)
        yield changed(
            "nibble order", f"{name}: high and low nibble are exchanged (even k is the low one)", **{name: swapped}
        )
        yield changed("nibble order", f"{name}: the low nibble is taken for both", **{name: (weight & 15) * 17})
        yield changed("nibble order", f"{name}: the high nibble is taken for both", **{name: (weight >> 4) * 17})
        halves = torch.cat((_nibbles(weight)[..., 0::2], _nibbles(weight)[..., 1::2]), -1)
        yield changed("nibble order", f"{name}: all even k come before all odd k", **{name: _packed(halves)})
        yield changed(
            "zero point", f"{name}: read as signed nibbles (they are unsigned, zero is 8)", **{name: weight ^ 0x88}
        )
        for rows in (1, -1):
            yield changed(
                "wrong row", f"{name}: the row {'before' if rows > 0 else 'after'}", **{name: weight.roll(rows, -2)}
            )
    if len(packed) == 1 and torch.is_tensor(operands[packed[0]]):
        ones = {**operands, packed[0]: torch.full_like(operands[packed[0]], 0x99)}  # every weight one level above zero

        def shifted(levels: int) -> tuple[Tensor, ...]:
            return tuple(a + levels * b for a, b in zip(reference(operands), reference(ones), strict=True))

        yield Hypothesis("zero point", f"{packed[0]}: zero is taken to be 7 (it is 8)", lambda: shifted(1))
        yield Hypothesis("zero point", f"{packed[0]}: zero is taken to be 0 (it is 8)", lambda: shifted(8))


def _scales(inputs: Any, operands: Operands, changed: Any) -> Iterator[Hypothesis]:
    for name, i in inputs.items():
        if i.fill != "scale" or operands[name].shape[-1] < 1:
            continue
        scale = operands[name]
        if scale.shape[-1] > 1:
            for shift, word in ((1, "before"), (-1, "after")):
                yield changed("scale off by a group", f"{name}: of the group {word}", **{name: scale.roll(shift, -1)})
            clamped = torch.cat((scale[..., :1], scale[..., :-1]), -1)
            yield changed("scale off by a group", f"{name}: of the group before", **{name: clamped})
            clamped = torch.cat((scale[..., 1:], scale[..., -1:]), -1)
            yield changed("scale off by a group", f"{name}: of the group after", **{name: clamped})
            masked = torch.cat((scale[..., 1:], torch.zeros_like(scale[..., :1])), -1)
            yield changed("scale off by a group", f"{name}: of the group after, none for the last", **{name: masked})
            first = scale[..., :1].expand_as(scale).contiguous()
            yield changed("scale off by a group", f"{name}: the first group's for all groups", **{name: first})
            flat = scale.flatten()
            yield changed(
                "scale off by a group", f"{name}: one entry off in memory", **{name: flat.roll(1).view_as(scale)}
            )
            yield changed(
                "scale off by a group", f"{name}: one entry off in memory", **{name: flat.roll(-1).view_as(scale)}
            )
        for shift in (1, -1):
            yield changed("scale of another row", f"{name}: of a neighbouring row", **{name: scale.roll(shift, -2)})
        yield changed("scale not applied", f"{name}: not applied", **{name: torch.ones_like(scale)})


def _experts(inputs: Any, operands: Operands, dims: Mapping[str, int], changed: Any) -> Iterator[Hypothesis]:
    for name, i in inputs.items():
        value = operands[name]
        if i.fill == "expert_ids":
            count = dims["experts"]
            yield changed(
                "wrong expert", "the first expert id for all", **{name: value[:1, :1].expand_as(value).contiguous()}
            )
            yield changed(
                "wrong expert",
                "each token's first expert for all of its pairs",
                **{name: value[:, :1].expand_as(value).contiguous()},
            )
            yield changed(
                "wrong expert",
                "the first token's experts for every token",
                **{name: value[:1].expand_as(value).contiguous()},
            )
            for shift in (1, -1):
                yield changed("wrong expert", "a neighbouring pair's expert", **{name: value.roll(shift, -1)})
                yield changed("wrong expert", "a neighbouring token's experts", **{name: value.roll(shift, 0)})
                yield changed(
                    "wrong expert", f"expert id {'+' if shift > 0 else '-'} 1", **{name: (value + shift) % count}
                )
            slots = torch.arange(value.numel(), device=value.device, dtype=value.dtype).view_as(value) % count
            yield changed("wrong expert", "the pair's number in place of its expert id", **{name: slots})
            yield changed("wrong expert", "expert 0 for all", **{name: torch.zeros_like(value)})
        elif i.fill == "expert_weights":
            yield changed("router weight", "the router weights are not applied", **{name: torch.ones_like(value)})
            yield changed("router weight", "the router weights are applied twice", **{name: value * value})
            for shift in (1, -1):
                yield changed("router weight", "a neighbouring pair's router weight", **{name: value.roll(shift, -1)})
            for slot in range(value.shape[-1]):
                without = value.clone()
                without[..., slot] = 0
                yield changed(
                    "skipped expert", f"chosen expert {slot} of {value.shape[-1]} is left out", **{name: without}
                )


def _attention(inputs: Any, operands: Operands, dims: Mapping[str, int], changed: Any) -> Iterator[Hypothesis]:
    caches = [name for name, i in inputs.items() if "capacity" in i.shape and "kv_heads" in i.shape]
    if "q" in inputs and len(caches) == 2 and "heads" in dims:
        heads, kv_heads = dims["heads"], dims["kv_heads"]
        device = operands["q"].device
        maps = {
            "head modulo kv_heads in place of head // group": torch.arange(heads, device=device) % kv_heads,
            "kv head 0 for all heads": torch.zeros(heads, dtype=torch.int64, device=device),
            "the kv head after": (torch.arange(heads, device=device) * kv_heads // heads + 1) % kv_heads,
        }
        for words, index in maps.items():
            for chosen in (caches, caches[:1], caches[1:]):
                every = torch.arange(heads, device=device) * kv_heads // heads
                new = {c: operands[c][:, index if c in chosen else every] for c in caches}
                where = "" if len(chosen) == 2 else f" ({chosen[0]} only)"
                yield changed("wrong head", f"{words}{where}", **new)
        root = dims["head_dim"] ** 0.5
        yield changed("attention scale", "scores are not divided by the root of head_dim", q=operands["q"] * root)
        yield changed("attention scale", "scores are divided by head_dim, not by its root", q=operands["q"] / root)
        yield changed("keys for values", "the keys are taken for values", **{caches[1]: operands[caches[0]]})
    for name, i in inputs.items():
        if i.fill == "positions":
            value, last = operands[name], dims.get("capacity", 0) - 1
            yield changed("mask", "the newest slot is not seen (< in place of <=)", **{name: value - 1})
            yield changed("mask", "one slot too many is seen", **{name: value + 1})
            if last >= 0:
                yield changed(
                    "mask", "the whole cache is seen, past the position", **{name: torch.full_like(value, last)}
                )
                yield changed(
                    "mask",
                    "every query sees as far as the last one",
                    **{name: value.amax().expand_as(value).contiguous()},
                )


def _activations(inputs: Any, operands: Operands, dims: Mapping[str, int], changed: Any) -> Iterator[Hypothesis]:
    for name, i in inputs.items():
        value = operands[name]
        if (
            i.role != "activation"
            or i.fill not in ("normal", "own")
            or not isinstance(value, Tensor)
            or value.dim() < 2
        ):
            continue
        width = value.shape[-1]
        if not value.is_floating_point():
            continue
        if i.shape and i.shape[-1].startswith("2 * "):
            gate, up = value.float().chunk(2, -1)
            for word, other in _activation_functions(gate):
                changed_up = up * other / torch.sigmoid(gate)
                yield changed(
                    "activation", f"{name}: {word} in place of SiLU", **{name: torch.cat((gate, changed_up), -1)}
                )
            gate, up = value.chunk(2, -1)
            yield changed("gate and up", f"{name}: gate and up are exchanged", **{name: torch.cat((up, gate), -1)})
            yield changed("gate and up", f"{name}: gate is taken for both", **{name: torch.cat((gate, gate), -1)})
            yield changed("gate and up", f"{name}: up is taken for both", **{name: torch.cat((up, up), -1)})
            half = width // 2
            for tail in _tails(half, dims):
                cut = value.clone()
                cut[..., half - tail : half] = 0
                yield changed(
                    "clipped sum", f"{name}: the last {tail} of {half} are left out of the sum", **{name: cut}
                )
        else:
            for tail in _tails(width, dims):
                cut = value.clone()
                cut[..., width - tail :] = 0
                yield changed(
                    "clipped sum", f"{name}: the last {tail} of {width} are left out of the sum", **{name: cut}
                )
        if value.shape[0] > 1:
            yield changed(
                "wrong token", f"{name}: the first row for all", **{name: value[:1].expand_as(value).contiguous()}
            )
            for shift in (1, -1):
                yield changed("wrong token", f"{name}: a neighbouring row's", **{name: value.roll(shift, 0)})


def _activation_functions(gate: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Factors by which other activation functions multiply the gate, in place of SiLU's sigmoid."""
    yield "GELU", 0.5 * (1 + torch.erf(gate * 0.5**0.5))
    yield "GELU (tanh)", 0.5 * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (gate + 0.044715 * gate**3)))
    yield "ReLU", (gate > 0).float()
    yield "a sigmoid alone", torch.where(gate.abs() > 1e-6, torch.sigmoid(gate) / gate, torch.zeros_like(gate))
    yield "nothing", torch.ones_like(gate)


def _norms(inputs: Any, operands: Operands, changed: Any) -> Iterator[Hypothesis]:
    for name, i in inputs.items():
        if i.fill == "norm_weight":
            value = operands[name].float()
            yield changed("norm weight", f"{name}: w is taken for 1 + w", **{name: value - 1})
            yield changed("norm weight", f"{name}: not applied", **{name: torch.zeros_like(value)})
            yield changed("norm weight", f"{name}: 2 + w is taken for 1 + w", **{name: value + 1})


def _rotations(inputs: Any, operands: Operands, dims: Mapping[str, int], reference: Call) -> Iterator[Hypothesis]:
    """The op rotates the two halves against each other; other models rotate neighbours."""
    rotary = dims.get("rotary_dim", 0)
    heads = [name for name, i in inputs.items() if i.shape and i.shape[-1] == "head_dim"]
    if not rotary or not heads or any(inputs[name].role != "activation" for name in heads):
        return
    first = torch.arange(rotary, device=operands[heads[0]].device).view(-1, 2).T.flatten()  # 0, 2, ..., 1, 3, ...

    def ordered(value: Tensor, order: Tensor) -> Tensor:
        return torch.cat((value[..., :rotary][..., order], value[..., rotary:]), -1)

    def interleaved() -> tuple[Tensor, ...]:
        found = reference({**operands, **{name: ordered(operands[name], first) for name in heads}})
        return tuple(ordered(value, torch.argsort(first)) for value in found)

    yield Hypothesis("rotation", "neighbouring values are rotated, not the two halves", interleaved)


def _tails(width: int, dims: Mapping[str, int]) -> list[int]:
    """Lengths that a wrong bound cuts off a sum: a group, powers of two, the remainder above a power of two."""
    powers = [2**e for e in range(12)]
    found = {dims.get("group", 0), *powers, *(width % p for p in powers), *(width - p for p in powers)}
    return sorted(t for t in found if 0 < t < width)


def _nibbles(packed: Tensor) -> Tensor:
    return torch.stack((packed & 15, packed >> 4), dim=-1).flatten(-2)


def _packed(nibbles: Tensor) -> Tensor:
    return nibbles[..., 0::2] | (nibbles[..., 1::2] << 4)
