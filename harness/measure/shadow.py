"""The accesses of one launch's programs to each byte of a memory, and the races among them.

Within a program the elements of a block are lanes: a lane may read another lane's write only after a barrier. Programs
are independent unless an atomic operation of one is seen by another. Each program has a clock, and hands on its
knowledge of the others' clocks through the addresses of its atomics (vector clocks, as in FastTrack, PLDI 2009).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
NOBODY = -1
LOCK_PLACES = 64
"""Most addresses of one atomic operation that hand on knowledge: a lock or counter has one; a tile of sums has more and
hands on nothing."""


class Doer(NamedTuple):
    """The program that accesses memory. lanes: of the block, by access. line: of the kernel. atomic: ordered by
    hardware."""

    program: int
    lanes: Array
    line: int
    atomic: bool


class Order:
    """The programs of a launch that each program knows of."""

    def __init__(self) -> None:
        self._clock: dict[int, int] = {}
        self._known: dict[int, dict[int, int]] = {}
        self._left_at: dict[int, dict[int, int]] = {}
        self._barriers: dict[int, int] = {}

    def barrier(self, program: int) -> None:
        """All lanes of the program meet."""
        self._barriers[program] = self.met(program) + 1

    def met(self, program: int) -> int:
        return self._barriers.get(program, 0)

    def now(self, program: int) -> int:
        return self._clock.get(program, 0)

    def before(self, others: Array, times: Array, program: int) -> Array:
        """Mask: whether the others' accesses at these times come before all later accesses of the program."""
        known = self._known.get(program, {})
        clocks = np.vectorize(lambda other: known.get(other, 0), otypes=[np.int64])(others)
        return np.asarray(clocks > times)

    def atomic(self, program: int, addresses: Array) -> None:
        """The program takes over the knowledge left at these addresses, and leaves its own there."""
        places = np.unique(addresses)
        if len(places) == 1:  # Triton hands its result to all lanes through a barrier
            self.barrier(program)
        if len(places) > LOCK_PLACES:
            return
        known = self._known.setdefault(program, {})
        for place in places.tolist():
            for other, clock in self._left_at.get(place, {}).items():
                known[other] = max(clock, known.get(other, 0))
        self._clock[program] = known[program] = self.now(program) + 1
        for place in places.tolist():
            self._left_at[place] = known.copy()


class Shadow:
    """The last write of each byte, and its first and last read. The programs run one after the other, so no other read
    adds information."""

    def __init__(self, nbytes: int) -> None:
        self.stored = np.zeros(nbytes, bool)
        """Mask of the bytes that a kernel stored, in any launch."""
        self._nbytes = nbytes
        self.begin()

    def begin(self) -> None:
        """Begin a launch: it comes after all accesses of the one before."""
        self._write, self._first_read, self._last_read = (_Accesses(self._nbytes) for _ in range(3))

    def read(self, at: Array, doer: Doer, order: Order) -> Array:
        """Note a read and return, by access, the line of the write that races with it, 0 where none does. at: bytes
        [accesses, size]."""
        raced = self._write.races(at, doer, order)
        raced = np.where(raced > 0, raced, self._write.without_barrier(at, doer, order))
        self._first_read.note(at, doer, order, at_first=True)
        self._last_read.note(at, doer, order)
        return raced

    def write(self, at: Array, doer: Doer, order: Order) -> Array:
        """As `read`, for a write, which also races with reads."""
        found = [found.races(at, doer, order) for found in (self._write, self._first_read, self._last_read)]
        self._write.note(at, doer, order)
        return np.where(found[0] > 0, found[0], np.where(found[1] > 0, found[1], found[2]))


class _Accesses:
    """For each byte: the program and lane of an access, its clock and barriers at that time, and its line."""

    def __init__(self, nbytes: int) -> None:
        self._program = np.full(nbytes, NOBODY, np.int64)
        self._time, self._met, self._lane, self._line = (np.zeros(nbytes, np.int64) for _ in range(4))
        self._atomic = np.zeros(nbytes, bool)

    def note(self, at: Array, doer: Doer, order: Order, at_first: bool = False) -> None:
        """Note an access. at_first: only at bytes without an earlier access."""
        lanes = np.broadcast_to(doer.lanes[:, None], at.shape)
        if at_first:
            new = self._program[at] == NOBODY
            at, lanes = at[new], lanes[new]
        self._program[at], self._lane[at], self._line[at], self._atomic[at] = (
            doer.program,
            lanes,
            doer.line,
            doer.atomic,
        )
        self._time[at], self._met[at] = order.now(doer.program), order.met(doer.program)

    def races(self, at: Array, doer: Doer, order: Order) -> Array:
        """Lines of racing accesses by another program, one for each access; 0 where none races."""
        others = self._program[at]
        raced = (others != NOBODY) & (others != doer.program)
        if doer.atomic:
            raced &= ~self._atomic[at]
        if raced.any():
            raced &= ~order.before(others, self._time[at], doer.program)
        return np.asarray((self._line[at] * raced).max(axis=-1))

    def without_barrier(self, at: Array, doer: Doer, order: Order) -> Array:
        """Lines of accesses by other lanes of the same program since its last barrier, one for each access; 0 where
        there is none."""
        same = (self._program[at] == doer.program) & (self._met[at] == order.met(doer.program))
        same &= (self._lane[at] != doer.lanes[:, None]) & ~self._atomic[at]
        return np.asarray((self._line[at] * same).max(axis=-1))
