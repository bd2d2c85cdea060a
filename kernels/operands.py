"""Random inputs for an op, made from its declaration, for tests, verification and timing of a variant."""

from __future__ import annotations

import ast
import operator
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from .contract import Dims, Input, Op

ABSMAX_IN_SIGMAS = 2.6
"""A group's largest of 128 normal values lies at 2.6 standard deviations on average; int4 maps it to level 7."""
WEIGHT_SIGMA = 0.02
"""Standard deviation of a transformer's matrices at initialisation, and about that of trained ones."""
OPERATORS = {ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv, ast.Add: operator.add, ast.Sub: operator.sub}


def make(
    op: Op, dims: Dims, dtype: torch.dtype, device: str, generator: torch.Generator, routing: str | Tensor = "uniform",
    only: Collection[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """All inputs of a call by name: tensors on `device` (floats in `dtype` unless declared otherwise) and numbers.

    `routing`: `uniform`, `skewed` or recorded ids [records, top_k], for inputs that choose experts. `only`: the inputs
    to make, by default all.
    """
    wanted = [i for i in op.inputs if only is None or i.name in only]
    return {i.name: _make_input(i, dims, dtype, device, generator, routing) for i in wanted}


def redraw(
    op: Op, dims: Dims, device: str, generator: torch.Generator, routing: str | Tensor, count: int
) -> list[dict[str, Tensor]]:
    """For each of `count` calls, fresh values of the inputs that choose the rows to read (expert or token ids)."""
    sets: list[dict[str, Tensor]] = [{} for _ in range(count)]
    for i in op.inputs:
        if i.fill == "expert_ids":
            ids = expert_ids(count * dims["tokens"], dims["top_k"], dims["experts"], routing, generator, device)
            for call, values in enumerate(ids.split(dims["tokens"])):
                sets[call][i.name] = values
        elif i.fill == "token_ids":
            for values in sets:
                values[i.name] = _make_input(i, dims, torch.int64, device, generator, routing)
    return sets


def expert_ids(
    tokens: int, top_k: int, experts: int, routing: str | Tensor, generator: torch.Generator, device: str
) -> Tensor:
    """[tokens, top_k] int32 without repetition within a token.

    `uniform`: the experts are dealt like cards, so that none comes again before all were used (to within one token).
    `skewed`: drawn with popularity 1 / rank (Zipf), ranks shuffled. Recorded: consecutive rows from a random start.
    """
    if isinstance(routing, Tensor):
        start = int(torch.randint(len(routing), (1,), generator=generator, device=device))
        rows = (torch.arange(tokens) + start) % len(routing)
        return routing[rows].to(device=device, dtype=torch.int32)
    if routing == "skewed":
        popularity = 1 / (1 + torch.randperm(experts, generator=generator, device=device).float())
        chosen = torch.multinomial(popularity.expand(tokens, experts), top_k, generator=generator)
        return chosen.to(torch.int32)
    whole = experts // top_k
    decks = []
    for _ in range(-(-tokens // whole)):
        deck = torch.randperm(experts, generator=generator, device=device)
        decks.append(deck[: whole * top_k].view(whole, top_k))
    return torch.cat(decks)[:tokens].to(torch.int32).contiguous()


def _make_input(
    i: Input, dims: Dims, dtype: torch.dtype, device: str, generator: torch.Generator, routing: str | Tensor
) -> Any:
    if i.role == "constant":
        return dims[i.value] if isinstance(i.value, str) else i.value
    shape = tuple(evaluate(text, dims) for text in i.shape)
    wanted = dtype if i.dtype in ("activation", "scale") else getattr(torch, i.dtype)

    def normal() -> Tensor:
        return torch.randn(shape, generator=generator, device=device)

    if i.fill == "expert_ids":
        return expert_ids(dims["tokens"], dims["top_k"], dims["experts"], routing, generator, device)
    if i.fill == "expert_weights":
        return torch.softmax(normal(), -1).to(wanted)
    if i.fill == "positions":
        return torch.arange(shape[0], device=device) + dims.get("context", 0)
    if i.fill == "token_ids":
        return torch.randint(dims["vocab"], shape, generator=generator, device=device)
    if i.fill == "int4":
        levels = torch.empty((*shape[:-1], 2 * shape[-1]), device=device).normal_(generator=generator)
        nibbles = levels.mul_(7 / ABSMAX_IN_SIGMAS).round_().clamp_(-7, 7).add_(8).to(torch.uint8)
        return nibbles[..., 0::2] | (nibbles[..., 1::2] << 4)
    if i.fill == "scale":
        spread = 0.75 + 0.5 * torch.rand(shape, generator=generator, device=device)
        return (spread * (WEIGHT_SIGMA * ABSMAX_IN_SIGMAS / 7)).to(wanted)
    if i.fill == "a_log":
        return torch.rand(shape, generator=generator, device=device).mul_(15.9).add_(0.1).log_().to(wanted)
    return {"norm_weight": lambda: 0.1 * normal(), "near_one": lambda: 1 + 0.1 * normal(),
            "dt_bias": lambda: normal() - 3, "unit": lambda: normal() * shape[-1] ** -0.5,
            "normal": normal}[i.fill]().to(wanted)  # fmt: skip


def evaluate(expression: str, dims: Mapping[str, int]) -> int:
    """An arithmetic expression over dims: names, integers, `+ - * //`. Raises KeyError for an unknown dim."""

    def value(node: ast.expr) -> int:
        if isinstance(node, ast.BinOp):
            return int(OPERATORS[type(node.op)](value(node.left), value(node.right)))
        if isinstance(node, ast.Name):
            return int(dims[node.id])
        assert isinstance(node, ast.Constant) and isinstance(node.value, int), expression
        return node.value

    return value(_parsed(expression))


@cache
def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body
