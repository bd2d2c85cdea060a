"""Triton variants of an arm as operators of torch, so that an exported program can name and store them.

An operator is the variant's own `run`, copied over globals in which each Triton kernel reports its launches to torch.
Its module stays as it is, and so do the kernels of every other engine.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import torch

from harness.decode.arm_ops import ArmOps
from harness.errors import CaseFailed
from harness.export.listed import listed_body
from harness.export.rebinding import rebound
from harness.load_kernels import LoadedVariant, load_op, load_variant
from harness.values.case import Tunables

NAMESPACE = "harness"


class Operator(msgspec.Struct, frozen=True):
    """A variant as an operator. `entries`: the configurations that Inductor may choose from; empty where the call gives
    its tunables.
    """

    op: str
    variant: str
    folder: str
    entries: tuple[Tunables, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.op}/{self.variant}"


class Registered(typing.NamedTuple):
    """`call`: takes the arguments of `run`, without tunables where the operator has entries. `kernels`: names of the
    Triton functions that it may launch.
    """

    call: Callable[..., Any]
    kernels: tuple[str, ...]


_made: dict[str, Registered] = {}


def register(operator: Operator) -> Registered | None:
    """The operator, made once per process; None for a variant without Triton kernels of its own, which torch exports
    unchanged. Raises CaseFailed where the signature of `run` makes no schema.
    """
    variant = load_variant(operator.op, operator.variant, operator.folder)
    kernels = kernels_of(variant.run)
    if not kernels:
        return None
    name = _name(operator, variant)
    if name not in _made:
        _made[name] = Registered(_operator(operator, variant, name), kernels)
    return _made[name]


@contextmanager
def registered(ops: ArmOps, entries: Mapping[str, Sequence[Tunables]]) -> Iterator[tuple[Operator, ...]]:
    """Inside, an arm's decode calls its Triton variants as operators; yields them.

    `entries`: by place (`op@site`), the list that the compiler chooses a variant's configuration from.
    """
    calls = [call for call in ops.calls("decode") if kernels_of(call.variant.run)]
    operators = [
        Operator(call.variant.op, call.variant.name, ops.folder, tuple(map(dict, _list_of(entries, call.place))))
        for call in calls
    ]
    kept = [(call.run, call.tunables) for call in calls]
    try:
        for call, operator in zip(calls, operators, strict=True):
            made = register(operator)
            assert made is not None
            call.run, call.tunables = made.call, {} if operator.entries else call.tunables
        yield tuple({json.dumps(msgspec.to_builtins(one), sort_keys=True): one for one in operators}.values())
    finally:
        for call, (run, tunables) in zip(calls, kept, strict=True):
            call.run, call.tunables = run, tunables


def _list_of(entries: Mapping[str, Sequence[Tunables]], place: str) -> Sequence[Tunables]:
    found = entries.get(place, ())
    return found if len(found) > 1 else ()


def kernels_of(run: Callable[..., Any]) -> tuple[str, ...]:
    """Names of the Triton functions that `run` may launch, itself or by functions of its own package."""
    found: dict[str, None] = {}
    rebound(run, lambda kernel: found.setdefault(kernel.fn.__name__))
    return tuple(found)


class _AtLaunch:
    """A Triton kernel that is wrapped anew at each launch: wrapped once, its number in torch's table becomes stale."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel

    def __getitem__(self, grid: Any) -> Any:
        return torch.library.wrap_triton(self._kernel)[grid]


def _operator(operator: Operator, variant: LoadedVariant, name: str) -> Callable[..., Any]:
    states = {entry.name for entry in load_op(operator.op).op.inputs if entry.role == "state"}
    try:
        body = _with_list(variant, operator.entries) if operator.entries else rebound(variant.run, _AtLaunch)
        made: Callable[..., Any] = torch.library.triton_op(name, body, mutates_args=states)
    except (NameError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise CaseFailed(
            f"{operator.label}: its `run` makes no operator of torch, which needs annotations: {reason}"
        ) from None
    return made


def _with_list(variant: LoadedVariant, entries: Sequence[Tunables]) -> Callable[..., Any]:
    """`run` with the list in place of its tunables. `triton_op` takes its schema from the signature alone."""
    inner, hints = listed_body(variant.run, entries), typing.get_type_hints(variant.run)

    def body(*inputs: Any) -> Any:
        return inner(*inputs)

    given = inspect.signature(variant.run).parameters.items()
    body.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            parameter.replace(annotation=hints[n])
            for n, parameter in given
            if parameter.kind is not parameter.KEYWORD_ONLY
        ],
        return_annotation=hints["return"],
    )
    return body


def _name(operator: Operator, variant: LoadedVariant) -> str:
    """One name for one source text and list: an edited variant is another operator."""
    text = variant.source_hash + json.dumps(operator.entries, sort_keys=True)
    word = "".join(c if c.isalnum() else "_" for c in operator.variant)
    return f"{NAMESPACE}::{operator.op}__{word}__{hashlib.sha256(text.encode()).hexdigest()[:8]}"
