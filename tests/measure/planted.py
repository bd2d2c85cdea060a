"""Variants of the first expert product with one planted mistake each, and a right one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from harness.load_kernels import LoadedVariant, load_variant
from harness.values.case import Case, Implementation
from tests.conftest import REPOSITORY

DIMS = {"tokens": 2, "experts": 8, "top_k": 2, "inter": 32, "hidden": 128, "group": 32}
Run = Callable[..., Any]


def right(x: Any, expert_ids: Any, weight: Any, scale: Any, group: Any) -> Any:
    out = torch.empty(expert_ids.numel(), weight.shape[1], dtype=x.dtype)
    out[:] = load_variant("moe_gate_up", "torch_gather", REPOSITORY).run(x, expert_ids, weight, scale, group)
    return out


def zeros(*inputs: Any) -> Any:
    return torch.zeros_like(right(*inputs))


def one_wrong_nibble(x: Any, expert_ids: Any, weight: Any, scale: Any, group: Any) -> Any:
    weight = weight.clone()
    weight[int(expert_ids[0, 0]), 5, 7] ^= 0x80
    return right(x, expert_ids, weight, scale, group)


def dropped_expert(*inputs: Any) -> Any:
    out = right(*inputs)
    out[1] = 0
    return out


def unwritten_tail(x: Any, expert_ids: Any, weight: Any, scale: Any, group: Any) -> Any:
    out = torch.empty(expert_ids.numel(), weight.shape[1], dtype=x.dtype)
    out[:, :-4] = right(x, expert_ids, weight, scale, group)[:, :-4]
    return out


def swapped_nibbles(x: Any, expert_ids: Any, weight: Any, scale: Any, group: Any) -> Any:
    return right(x, expert_ids, (weight >> 4) | (weight << 4), scale, group)


def scale_of_the_next_group(x: Any, expert_ids: Any, weight: Any, scale: Any, group: Any) -> Any:
    return right(x, expert_ids, weight, scale.roll(1, -1), group)


def changes_its_input(x: Any, *rest: Any) -> Any:
    out = right(x, *rest)
    x.mul_(2)
    return out


def two_outputs(*inputs: Any) -> Any:
    return right(*inputs), right(*inputs)


class Stale:
    """Computes once and returns that for ever."""

    def __init__(self) -> None:
        self.kept: Any = None

    def __call__(self, *inputs: Any) -> Any:
        if self.kept is None:
            self.kept = right(*inputs)
        return self.kept


def case(run_name: str = "planted", dims: dict[str, int] = DIMS) -> Case:
    return Case(
        "kernel", "baseline", "int4-g32/float32", {"tokens": 2}, op="moe_gate_up", site="experts", dims=dims,
        answer=Implementation(run_name),
    )  # fmt: skip


def variant(run: Run) -> LoadedVariant:
    return LoadedVariant("moe_gate_up", "planted", run, {}, None, None, Path("planted.py"), "text", "hash")
