"""Every access of Triton's interpreter to memory, held against what is known of that memory: a checker without a GPU.

The interpreter runs the programs of a launch one after the other; what two of them do to the same bytes is a race all
the same. Found are races, accesses outside of operands, writes to inputs, and reads of what nobody wrote, each with the
line of the kernel's source.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from harness.measure.guards import GUARD_BYTES, Guards
from harness.measure.poison import INTEGER_POISON
from harness.measure.shadow import Array, Doer, Order, Shadow
from harness.values.sanitizer import AccessError

RACE, OUTSIDE_READ, OUTSIDE_WRITE = "race", "read outside", "write outside"
INPUT_WRITE, UNWRITTEN_READ = "write to an input", "read of unwritten memory"
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


@dataclass(frozen=True, eq=False)
class _Memory:
    """name: of the operand. guard: bytes beyond both ends that are nobody's. poison: the bits of an element that nobody
    wrote; None where such cannot be told."""

    name: str
    start: int
    nbytes: int
    size: int
    guard: int
    is_input: bool
    poison: int | None
    shadow: Shadow


class _Where(NamedTuple):
    """One kind of mistake at one line of a kernel. other_line: of the access that it races with."""

    kind: str
    kernel: str
    file: str
    line: int
    memory: _Memory
    other_line: int = 0


@dataclass
class _Seen:
    """Elements of the memory: inside from 0, outside as `guards.StrayWrite` counts them."""

    count: int
    first: int
    last: int
    program: str


class _Access(NamedTuple):
    """addresses: of the elements that are accessed. values: their bits, as loaded or as they are before a store.
    changed: by a store, else None."""

    addresses: Array
    size: int
    values: Array
    changed: Array | None
    doer: Doer
    program: str
    file: str


class InterpreterWatch:
    """What is found while it is `over` a call, whose launches come one after the other."""

    def __init__(self) -> None:
        self._memories: dict[int, _Memory] = {}
        self._starts: Array = np.empty(0, np.int64)
        self.order = Order()
        self._kernel = ""
        self._seen: dict[_Where, _Seen] = {}

    @contextmanager
    def over(self, inputs: Guards, own: Guards) -> Iterator[None]:
        """inputs: what no launch may write. own: states, and what is allocated while this is open."""
        from triton.runtime.interpreter import GridExecutor, InterpreterBuilder

        states = {guarded.tensor.data_ptr() for guarded in own.held}
        launch = GridExecutor.__call__

        def launched(executor: Any, *arguments: Any, **keywords: Any) -> Any:
            self._kernel = executor.fn.__name__
            self._begin(inputs, own, states, [*arguments, *keywords.values()])
            return launch(executor, *arguments, **keywords)

        kept = {name: getattr(InterpreterBuilder, name) for name in _patched(self, InterpreterBuilder)}
        for name, function in _patched(self, InterpreterBuilder).items():
            setattr(InterpreterBuilder, name, function)
        GridExecutor.__call__ = launched
        try:
            yield
        finally:
            GridExecutor.__call__ = launch
            for name, function in kept.items():
                setattr(InterpreterBuilder, name, function)

    def errors(self, names: Mapping[int, str]) -> tuple[AccessError, ...]:
        """What was found, by line. names: of memory by its address, where they are known better afterwards."""
        return tuple(
            AccessError(
                "interpreter", where.kind, where.kernel, where.file, where.line, seen.count,
                names.get(where.memory.start, where.memory.name), _place(where.kind, seen), where.other_line,
                f"program {seen.program}",
            )
            for where, seen in self._seen.items()
        )  # fmt: skip

    def _begin(self, inputs: Guards, own: Guards, states: set[int], arguments: Iterable[Any]) -> None:
        """A launch: what is known of memory that was freed since the last one is forgotten."""
        known = {start: memory for start, memory in self._memories.items() if memory.guard}
        for guarded in [*inputs.held, *own.held]:
            start, is_input = guarded.tensor.data_ptr(), guarded in inputs.held
            poison = None if is_input or start in states else _poison(guarded.tensor.dtype)
            if start not in known:
                known[start] = _memory(guarded.name, guarded.tensor, GUARD_BYTES, is_input, poison)
        for number, tensor in enumerate(_tensors(arguments)):
            if tensor.untyped_storage().data_ptr() not in known:
                memory = _memory(f"tensor argument {number + 1}", tensor, 0, False, None)
                known[memory.start] = memory
        for memory in known.values():
            memory.shadow.begin()
        self._memories = dict(sorted(known.items()))
        self._starts = np.array([memory.start - memory.guard for memory in self._memories.values()], np.int64)
        self.order = Order()

    def access(self, access: _Access) -> None:
        places = np.searchsorted(self._starts, access.addresses, "right") - 1
        memories = list(self._memories.values())
        for place in np.unique(places).tolist():
            if place >= 0:
                self._hold_against(memories[place], access, places == place)

    def _hold_against(self, memory: _Memory, access: _Access, here: Array) -> None:
        at = access.addresses[here] - memory.start
        after = at + access.size > memory.nbytes
        inside = (at >= 0) & ~after
        near = (at < memory.nbytes + memory.guard) & ~inside
        if near.any() and memory.guard:
            elements = np.where(after, (at - memory.nbytes) // memory.size + 1, -((-at - 1) // memory.size + 1))
            kind = OUTSIDE_READ if access.changed is None else OUTSIDE_WRITE
            self._note(kind, memory, access, elements[near])
        if not inside.any():
            return
        elements, values = at[inside] // memory.size, access.values[here][inside]
        all_bytes = at[inside][:, None] + np.arange(access.size)
        if access.changed is not None and memory.is_input:
            self._note(INPUT_WRITE, memory, access, elements)
        if memory.poison is not None and access.size == memory.size and (access.changed is None or access.doer.atomic):
            unwritten = (values == memory.poison) & ~memory.shadow.stored[all_bytes].any(axis=-1)
            self._note(UNWRITTEN_READ, memory, access, elements[unwritten])
        lanes = access.doer.lanes[here][inside]
        if access.changed is None:
            self._races(memory, access, elements, all_bytes, lanes)
        else:
            changed = access.changed[here][inside]
            memory.shadow.stored[all_bytes] = True
            self._races(memory, access, elements[changed], all_bytes[changed], lanes[changed])

    def _races(self, memory: _Memory, access: _Access, elements: Array, at: Array, lanes: Array) -> None:
        """A value that is stored again is no race: every order leaves the same."""
        if not len(at):
            return
        done = memory.shadow.read if access.changed is None else memory.shadow.write
        lines = done(at, access.doer._replace(lanes=lanes), self.order)
        for line in np.unique(lines[lines > 0]).tolist():
            self._note(RACE, memory, access, elements[lines == line], line)

    def _note(self, kind: str, memory: _Memory, access: _Access, elements: Array, other_line: int = 0) -> None:
        if not len(elements):
            return
        where = _Where(kind, self._kernel, access.file, access.doer.line, memory, other_line)
        first, last = int(elements.min()), int(elements.max())
        seen = self._seen.setdefault(where, _Seen(0, first, last, access.program))
        seen.count += len(elements)
        seen.first, seen.last = min(seen.first, first), max(seen.last, last)


def _patched(watch: InterpreterWatch, builder: Any) -> dict[str, Any]:
    """The interpreter's loads, stores and atomics by name, each telling the watch."""
    load, store = builder.create_masked_load, builder.create_masked_store
    rmw, cas, barrier = builder.create_atomic_rmw, builder.create_atomic_cas, builder.create_barrier

    def program(self: Any) -> int:
        (x, y, z), (_, height, depth) = self.grid_idx, self.grid_dim
        return int((x * height + y) * depth + z)

    def tell(self: Any, ptrs: Any, mask: Array, values: Array, stored: Array | None, atomic: bool) -> _Access | None:
        chosen = np.broadcast_to(mask, ptrs.data.shape).astype(bool)  # a mask may be of integers
        if not chosen.any():
            return None
        size = max(1, ptrs.get_element_ty().primitive_bitwidth // 8)
        bits = _bits(values, ptrs.data.shape, size)[chosen]
        changed = None if stored is None else _bits(stored, ptrs.data.shape, size)[chosen] != bits
        file, line = _line()
        doer = Doer(program(self), np.flatnonzero(chosen), line, atomic)
        addresses = ptrs.data[chosen].astype(np.int64)
        access = _Access(addresses, size, bits, changed, doer, ",".join(map(str, self.grid_idx)), file)
        watch.access(access)
        return access

    def masked_load(self: Any, ptrs: Any, mask: Any, *rest: Any, **keywords: Any) -> Any:
        result = load(self, ptrs, mask, *rest, **keywords)
        tell(self, ptrs, mask.data, result.data, None, bool(keywords.get("is_volatile", rest[-1] if rest else False)))
        return result

    def masked_store(self: Any, ptrs: Any, value: Any, mask: Any, *rest: Any) -> Any:
        was = load(self, ptrs, mask, None, None, None, False)
        tell(self, ptrs, mask.data, was.data, value.data, False)
        return store(self, ptrs, value, mask, *rest)

    def atomic(self: Any, ptr: Any, mask: Array, was: Any, sem: Any) -> None:
        access = tell(self, ptr, mask, was.data, ~was.data.view(UNSIGNED[was.data.itemsize]), True)
        if access is not None and "RELAXED" not in str(sem):
            watch.order.atomic(access.doer.program, access.addresses)

    def atomic_rmw(self: Any, operation: Any, ptr: Any, val: Any, mask: Any, sem: Any, scope: Any) -> Any:
        was = rmw(self, operation, ptr, val, mask, sem, scope)
        atomic(self, ptr, mask.data, was, sem)
        return was

    def atomic_cas(self: Any, ptr: Any, cmp: Any, val: Any, sem: Any, scope: Any) -> Any:
        was = cas(self, ptr, cmp, val, sem, scope)
        atomic(self, ptr, np.ones(ptr.data.shape, bool), was, sem)
        return was

    def met(self: Any) -> Any:
        watch.order.barrier(program(self))
        return barrier(self)

    return {
        "create_barrier": met,
        "create_masked_load": masked_load, "create_masked_store": masked_store,
        "create_atomic_rmw": atomic_rmw, "create_atomic_cas": atomic_cas,
    }  # fmt: skip


def _bits(values: Array, shape: tuple[int, ...], size: int) -> Array:
    """As unsigned integers of so many bytes; a tl.int1 is a numpy bool."""
    values = np.ascontiguousarray(np.broadcast_to(values, shape))
    return values.view(UNSIGNED[size]) if values.itemsize == size else values.astype(UNSIGNED[size])


def _line() -> tuple[str, int]:
    """Of the innermost frame that is neither Triton's nor ours: of the kernel, or of a function that it calls."""
    import triton

    ours = (str(Path(triton.__file__).parent), __file__)
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(ours):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _tensors(arguments: Iterable[Any]) -> Iterator[Tensor]:
    for value in arguments:
        found = getattr(value, "base", value)
        if isinstance(value, tuple):
            yield from _tensors(value)
        elif isinstance(found, Tensor):
            yield found


def _memory(name: str, tensor: Tensor, guard: int, is_input: bool, poison: int | None) -> _Memory:
    storage = tensor.untyped_storage()
    start, nbytes = storage.data_ptr(), storage.nbytes()
    return _Memory(name, start, nbytes, tensor.element_size(), guard, is_input, poison, Shadow(nbytes))


def _poison(dtype: torch.dtype) -> int | None:
    """The bits that `PoisonUninitialised` leaves; those of small integers may be values."""
    if not dtype.is_floating_point and dtype not in (torch.int32, torch.int64):
        return None
    value = torch.full((1,), float("nan") if dtype.is_floating_point else INTEGER_POISON, dtype=dtype)
    return int(value.view(torch.uint8).numpy().view(UNSIGNED[dtype.itemsize])[0])


def _place(kind: str, seen: _Seen) -> str:
    if kind in (OUTSIDE_READ, OUTSIDE_WRITE):
        near, far = (seen.first, seen.last) if seen.first > 0 else (seen.last, seen.first)
        places = f"{near:+d}" if near == far else f"{near:+d} to {far:+d}"
        return f"{places} {'after its end' if near > 0 else 'before its start'}"
    return f"element {seen.first}" if seen.first == seen.last else f"elements {seen.first} to {seen.last}"
