"""Report every launch of Triton's interpreter, and every memory access of a program with its line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from torch import Tensor

from harness.measure.shadow import Array, Doer, Order

UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
"""Dtypes by size in bytes."""


class Access(NamedTuple):
    """addresses: of the accessed elements. values: their bits, as loaded or before a store. stored: the bits that a
    store or atomic leaves, None for a load. program: its place in the grid."""

    addresses: Array
    size: int
    values: Array
    stored: Array | None
    doer: Doer
    program: str
    file: str


class Listener(Protocol):
    order: Order
    """The order of the launch's programs."""

    def launch(self, kernel: str, tensors: Iterable[Tensor]) -> None:
        """tensors: the tensors among the launch's arguments."""
        ...

    def access(self, access: Access) -> None: ...


@contextmanager
def hooked(listener: Listener) -> Iterator[None]:
    """While open, the listener is told of every launch and access."""
    from triton.runtime.interpreter import GridExecutor, InterpreterBuilder

    launch = GridExecutor.__call__

    def launched(executor: Any, *arguments: Any, **keywords: Any) -> Any:
        listener.launch(executor.fn.__name__, _tensors([*arguments, *keywords.values()]))
        return launch(executor, *arguments, **keywords)

    hooks = _hooks(listener, InterpreterBuilder)
    kept = {name: getattr(InterpreterBuilder, name) for name in hooks}
    for name, function in hooks.items():
        setattr(InterpreterBuilder, name, function)
    GridExecutor.__call__ = launched
    try:
        yield
    finally:
        GridExecutor.__call__ = launch
        for name, function in kept.items():
            setattr(InterpreterBuilder, name, function)


def _hooks(listener: Listener, builder: Any) -> dict[str, Any]:
    """The interpreter's loads, stores and atomics by name, each of which also tells the listener."""
    load, store = builder.create_masked_load, builder.create_masked_store
    rmw, cas, barrier = builder.create_atomic_rmw, builder.create_atomic_cas, builder.create_barrier

    def program(self: Any) -> int:
        (x, y, z), (_, height, depth) = self.grid_idx, self.grid_dim
        return int((x * height + y) * depth + z)

    def tell(self: Any, ptrs: Any, mask: Array, values: Array, stored: Array | None, atomic: bool) -> Access | None:
        chosen = np.broadcast_to(mask, ptrs.data.shape).astype(bool)  # a mask may be of integers
        if not chosen.any():
            return None
        size = max(1, ptrs.get_element_ty().primitive_bitwidth // 8)
        bits = _bits(values, ptrs.data.shape, size)[chosen]
        left = None if stored is None else _bits(stored, ptrs.data.shape, size)[chosen]
        file, line = _line()
        doer = Doer(program(self), np.flatnonzero(chosen), line, atomic)
        addresses = ptrs.data[chosen].astype(np.int64)
        access = Access(addresses, size, bits, left, doer, ",".join(map(str, self.grid_idx)), file)
        listener.access(access)
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
            listener.order.atomic(access.doer.program, access.addresses)

    def atomic_rmw(self: Any, operation: Any, ptr: Any, val: Any, mask: Any, sem: Any, scope: Any) -> Any:
        was = rmw(self, operation, ptr, val, mask, sem, scope)
        atomic(self, ptr, mask.data, was, sem)
        return was

    def atomic_cas(self: Any, ptr: Any, cmp: Any, val: Any, sem: Any, scope: Any) -> Any:
        was = cas(self, ptr, cmp, val, sem, scope)
        atomic(self, ptr, np.ones(ptr.data.shape, bool), was, sem)
        return was

    def met(self: Any) -> Any:
        listener.order.barrier(program(self))
        return barrier(self)

    return {
        "create_barrier": met,
        "create_masked_load": masked_load, "create_masked_store": masked_store,
        "create_atomic_rmw": atomic_rmw, "create_atomic_cas": atomic_cas,
    }  # fmt: skip


def _bits(values: Array, shape: tuple[int, ...], size: int) -> Array:
    """The values as unsigned integers of `size` bytes; a tl.int1 is a numpy bool."""
    values = np.ascontiguousarray(np.broadcast_to(values, shape))
    return values.view(UNSIGNED[size]) if values.itemsize == size else values.astype(UNSIGNED[size])


def _line() -> tuple[str, int]:
    """File and line of the innermost frame outside of Triton and this module: of the kernel, or of a function that it
    calls."""
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
