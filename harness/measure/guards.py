"""Guarded memory: each operand of a call lies between two guards, which nobody may write and whose contents are no
values.

A guarded tensor looks like any other: its storage begins and ends with it, at an address as aligned as torch's own. The
guards hold NaN for floats, and for integers a number that is no index, token or level. Their bits differ from operand
to operand, so that a copy from one guard to another is seen, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

GUARD_BYTES = 4096
"""On each side: a multiple of 512, the alignment of torch's CUDA allocations; a row of 2,048 bfloat16 values."""
PLAIN_CLASSES = (Tensor, torch.nn.Parameter)
FLOAT_HIGH, INTEGER_HIGH, FIRST_LOW, LOWS = 0xFF, 0x9D, 0xF1, 14
"""Bytes of the patterns. 0xFFF1 to 0xFFFE are NaN as bfloat16 and float16, and twice or four times as float32 and
float64; 0x9DF1 is far below zero as int16, and so are its repetitions."""
NEUTRAL = 0


class StrayWrite(NamedTuple):
    """Elements outside of an operand that a call wrote. near, far: -1 is the element right before its start, +1 the one
    after its end."""

    operand: str
    near: int
    far: int
    elements: int

    @property
    def words(self) -> str:
        side = "after its end" if self.near > 0 else "before its start"
        places = f"{self.near:+d}" if self.near == self.far else f"{self.near:+d} to {self.far:+d}"
        return f"{self.operand}: {self.elements} element{'s' * (self.elements != 1)} {side} ({places})"


def sentence(strays: Sequence[StrayWrite]) -> str:
    return f"writes outside of {'; '.join(stray.words for stray in strays)}"


@dataclass(frozen=True, eq=False)
class Guarded:
    """A tensor between two guards. guards: before and after it, as bytes. pattern: 16 bits that they repeat."""

    name: str
    tensor: Tensor
    guards: tuple[Tensor, Tensor]
    pattern: int

    def fill(self, pattern: int) -> None:
        for guard in self.guards:
            if self.tensor.element_size() == 1:  # the end may be odd
                guard.fill_(pattern & 0xFF)
            else:
                guard.view(torch.int16).fill_(_signed(pattern, 16))

    def strays(self) -> list[StrayWrite]:
        size, found = self.tensor.element_size(), []
        wanted = torch.tensor([self.pattern & 0xFF, self.pattern >> 8], dtype=torch.uint8).repeat(GUARD_BYTES // 2)
        before, after = ((guard.cpu() != wanted).nonzero().flatten() for guard in self.guards)
        if len(before):
            places = ((GUARD_BYTES - 1 - before) // size + 1).unique()
            found.append(StrayWrite(self.name, -int(places[0]), -int(places[-1]), len(places)))
        if len(after):
            places = (after // size + 1).unique()
            found.append(StrayWrite(self.name, int(places[0]), int(places[-1]), len(places)))
        return found


class Guards:
    """The guarded tensors of one call, or of all calls of a batch."""

    def __init__(self, held: Iterable[Guarded] = ()) -> None:
        self.held = list(held)

    def around(self, name: str, value: Any) -> Any:
        """Return a copy of the tensor between guards, with the same sizes and strides. Returns values that are no plain
        tensors, and tensors without elements, unchanged."""
        if type(value) not in PLAIN_CLASSES or value.layout != torch.strided or not value.numel() or value.is_meta:
            return value
        self.held.append(_guarded(name, value, len(self.held)))
        return self.held[-1].tensor

    def around_all(self, operands: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.around(name, value) for name, value in operands.items()}

    def naming(self, names: Mapping[str, Tensor]) -> Guards:
        """The same guards, named after these tensors where they have the same memory: names that a reader knows."""
        by_address = {tensor.untyped_storage().data_ptr(): name for name, tensor in names.items()}
        return Guards(
            Guarded(by_address.get(g.tensor.data_ptr(), g.name), g.tensor, g.guards, g.pattern) for g in self.held
        )

    def strays(self) -> list[StrayWrite]:
        """Writes outside of the tensors since the last call of this method. Waits once for each device."""
        found: list[StrayWrite] = []
        for _, group in groupby(self.held, key=lambda guarded: guarded.tensor.device):
            held = list(group)
            if _untouched(held):
                continue
            for guarded in held:
                strays = guarded.strays()
                if strays:
                    guarded.fill(guarded.pattern)
                found += strays
        return found

    @contextmanager
    def neutral(self, names: Collection[str]) -> Iterator[None]:
        """While open, the guards of these operands hold zeros: a result that changes is computed from the guards'
        contents."""
        chosen = [guarded for guarded in self.held if guarded.name in names]
        for guarded in chosen:
            guarded.fill(NEUTRAL)
        try:
            yield
        finally:
            for guarded in chosen:
                guarded.fill(guarded.pattern)


def _untouched(held: Sequence[Guarded]) -> bool:
    guards = torch.stack([guard for guarded in held for guard in guarded.guards]).view(torch.int64)
    words = [_signed(guarded.pattern * 0x0001_0001_0001_0001, 64) for guarded in held for _ in guarded.guards]
    return bool((guards == torch.tensor(words, device=guards.device)[:, None]).all())


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _guarded(name: str, value: Tensor, number: int) -> Guarded:
    """Take over the storage by DLPack, which knows no offset, so that a receiver of the tensor cannot see the
    guards."""
    value, size = value.detach(), value.element_size()
    extent = 1 + sum((length - 1) * stride for length, stride in zip(value.shape, value.stride(), strict=True))
    nbytes = extent * size
    memory = torch.empty(GUARD_BYTES + nbytes + GUARD_BYTES, dtype=torch.uint8, device=value.device)
    inner = memory[GUARD_BYTES:-GUARD_BYTES]
    inner.view(value.dtype).copy_(value.as_strided((extent,), (1,)))
    storage = from_dlpack(inner).untyped_storage()
    tensor = torch.empty(0, dtype=value.dtype, device=value.device).set_(storage, 0, value.shape, value.stride())
    edges = memory[:GUARD_BYTES], memory[-GUARD_BYTES:]
    guarded = Guarded(name, tensor, edges, _pattern(value, number))
    guarded.fill(guarded.pattern)
    return guarded


def _pattern(value: Tensor, number: int) -> int:
    """Tensors of single bytes repeat one: as a float8, NaN."""
    low = FIRST_LOW + number % LOWS
    if value.element_size() == 1:
        byte = FLOAT_HIGH if value.is_floating_point() else INTEGER_HIGH - number % LOWS
        return byte << 8 | byte
    return (FLOAT_HIGH if value.is_floating_point() else INTEGER_HIGH) << 8 | low
