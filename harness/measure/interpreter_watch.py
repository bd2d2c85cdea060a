"""A memory checker without a GPU: compares every access in Triton's interpreter with the known state of that memory.

The interpreter runs the programs of a launch one after the other; two programs that touch the same bytes race all the
same. Finds races, accesses outside of operands, writes to inputs, and reads of memory that nobody wrote, each with the
line of the kernel's source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from harness.measure.guards import GUARD_BYTES, Guards
from harness.measure.interpreter_hooks import UNSIGNED, Access, hooked
from harness.measure.poison import INTEGER_POISON, poison
from harness.measure.shadow import Array, Order, Shadow
from harness.values.sanitizer import AccessError

RACE, OUTSIDE_READ, OUTSIDE_WRITE = "race", "read outside", "write outside"
INPUT_WRITE, UNWRITTEN_READ = "write to an input", "read of unwritten memory"


@dataclass(frozen=True, eq=False)
class _Memory:
    """name: of the operand. guard: bytes beyond both ends that belong to nobody. poison: the bits of an element that
    nobody wrote; None where no bits can show it."""

    name: str
    start: int
    nbytes: int
    size: int
    guard: int
    is_input: bool
    poison: int | None
    shadow: Shadow


class _Where(NamedTuple):
    """One kind of mistake at one line of a kernel. other_line: the line of the access that it races with."""

    kind: str
    kernel: str
    file: str
    line: int
    memory: _Memory
    other_line: int = 0


@dataclass
class _Seen:
    """Elements of the memory, counted from 0 inside, and outside as in `guards.StrayWrite`."""

    count: int
    first: int
    last: int
    program: str


class InterpreterWatch:
    """Collects mistakes while it is `over` a call, whose launches come one after the other."""

    def __init__(self) -> None:
        self._memories: dict[int, _Memory] = {}
        self._starts: Array = np.empty(0, np.int64)
        self.order = Order()
        self._kernel = ""
        self._inputs, self._own, self._states = Guards(), Guards(), set[int]()
        self._seen: dict[_Where, _Seen] = {}

    @contextmanager
    def over(self, inputs: Guards, own: Guards) -> Iterator[None]:
        """Watch the launches while open. inputs: memory that no launch may write. own: states, and the allocations made
        while this is open."""
        self._inputs, self._own = inputs, own
        self._states = {guarded.tensor.data_ptr() for guarded in own.held}
        with hooked(self):
            yield

    def errors(self, names: Mapping[int, str]) -> tuple[AccessError, ...]:
        """The mistakes found, by line. names: better names of memory, by its address, known only afterwards."""
        return tuple(
            AccessError(
                "interpreter", where.kind, where.kernel, where.file, where.line, seen.count,
                names.get(where.memory.start, where.memory.name), _place(where.kind, seen), where.other_line,
                f"program {seen.program}",
            )
            for where, seen in self._seen.items()
        )  # fmt: skip

    def launch(self, kernel: str, tensors: Iterable[Tensor]) -> None:
        """Begin a launch: forget memory that was freed since the last one."""
        self._kernel = kernel
        known = {start: memory for start, memory in self._memories.items() if memory.guard}
        for guarded in [*self._inputs.held, *self._own.held]:
            start, is_input = guarded.tensor.data_ptr(), guarded in self._inputs.held
            bits = None if is_input or start in self._states else _poison_bits(guarded.tensor.dtype)
            if start not in known:
                known[start] = _memory(guarded.name, guarded.tensor, GUARD_BYTES, is_input, bits)
        for number, tensor in enumerate(tensors):
            if tensor.untyped_storage().data_ptr() not in known:
                memory = _memory(f"tensor argument {number + 1}", tensor, 0, False, None)
                known[memory.start] = memory
        for memory in known.values():
            memory.shadow.begin()
        self._memories = dict(sorted(known.items()))
        self._starts = np.array([memory.start - memory.guard for memory in self._memories.values()], np.int64)
        self.order = Order()

    def access(self, access: Access) -> None:
        places = np.searchsorted(self._starts, access.addresses, "right") - 1
        memories = list(self._memories.values())
        for place in np.unique(places).tolist():
            if place >= 0:
                self._hold_against(memories[place], access, places == place)

    def _hold_against(self, memory: _Memory, access: Access, here: Array) -> None:
        at = access.addresses[here] - memory.start
        after = at + access.size > memory.nbytes
        inside = (at >= 0) & ~after
        near = (at < memory.nbytes + memory.guard) & ~inside
        if near.any() and memory.guard:
            elements = np.where(after, (at - memory.nbytes) // memory.size + 1, -((-at - 1) // memory.size + 1))
            kind = OUTSIDE_READ if access.stored is None else OUTSIDE_WRITE
            self._note(kind, memory, access, elements[near])
        if not inside.any():
            return
        elements, values = at[inside] // memory.size, access.values[here][inside]
        all_bytes = at[inside][:, None] + np.arange(access.size)
        if access.stored is not None and memory.is_input:
            self._note(INPUT_WRITE, memory, access, elements)
        if memory.poison is not None and access.size == memory.size and (access.stored is None or access.doer.atomic):
            unwritten = (values == memory.poison) & ~memory.shadow.stored[all_bytes].any(axis=-1)
            self._note(UNWRITTEN_READ, memory, access, elements[unwritten])
        lanes = access.doer.lanes[here][inside]
        if access.stored is None:
            self._races(memory, access, elements, all_bytes, lanes)
        else:
            stored = access.stored[here][inside]
            changed = stored != values
            memory.shadow.stored[all_bytes] = True
            if not access.doer.atomic:
                self._note(RACE, memory, access, elements[_clashing(at[inside], stored)], access.doer.line)
            self._races(memory, access, elements[changed], all_bytes[changed], lanes[changed])

    def _races(self, memory: _Memory, access: Access, elements: Array, at: Array, lanes: Array) -> None:
        """Find races. A store of the value that is already there is no race: every order leaves the same value."""
        if not len(at):
            return
        done = memory.shadow.read if access.stored is None else memory.shadow.write
        lines = done(at, access.doer._replace(lanes=lanes), self.order)
        for line in np.unique(lines[lines > 0]).tolist():
            self._note(RACE, memory, access, elements[lines == line], line)

    def _note(self, kind: str, memory: _Memory, access: Access, elements: Array, other_line: int = 0) -> None:
        if not len(elements):
            return
        where = _Where(kind, self._kernel, access.file, access.doer.line, memory, other_line)
        first, last = int(elements.min()), int(elements.max())
        seen = self._seen.setdefault(where, _Seen(0, first, last, access.program))
        seen.count += len(elements)
        seen.first, seen.last = min(seen.first, first), max(seen.last, last)


def _clashing(addresses: Array, stored: Array) -> Array:
    """Indices of the elements of one store that share an address with another lane of another value."""
    order = np.argsort(addresses, kind="stable")
    first, second = order[:-1], order[1:]
    return np.asarray(second[(addresses[first] == addresses[second]) & (stored[first] != stored[second])])


def _memory(name: str, tensor: Tensor, guard: int, is_input: bool, poison: int | None) -> _Memory:
    storage = tensor.untyped_storage()
    start, nbytes = storage.data_ptr(), storage.nbytes()
    return _Memory(name, start, nbytes, tensor.element_size(), guard, is_input, poison, Shadow(nbytes))


def _poison_bits(dtype: torch.dtype) -> int | None:
    """The bits that `PoisonUninitialised` leaves. None for small integers, whose poison may be a value."""
    if not dtype.is_floating_point and dtype not in (torch.int32, torch.int64):
        return None
    value = torch.full((1,), 0 if dtype.is_floating_point else INTEGER_POISON, dtype=dtype)
    if dtype.is_floating_point:
        poison(value)
    return int(value.view(torch.uint8).numpy().view(UNSIGNED[dtype.itemsize])[0])


def _place(kind: str, seen: _Seen) -> str:
    if kind in (OUTSIDE_READ, OUTSIDE_WRITE):
        near, far = (seen.first, seen.last) if seen.first > 0 else (seen.last, seen.first)
        places = f"{near:+d}" if near == far else f"{near:+d} to {far:+d}"
        return f"{places} {'after its end' if near > 0 else 'before its start'}"
    return f"element {seen.first}" if seen.first == seen.last else f"elements {seen.first} to {seen.last}"
