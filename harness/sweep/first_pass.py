"""Every configuration that a search names, compiled and timed once: what is compiled next follows from what was
timed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from harness.sweep.race import Ledger, Race
from harness.sweep.search import Search

if TYPE_CHECKING:
    from harness.static.pool import Compilation

POLL_S = 0.02
"""How long a search waits for a compiler before it looks whether the device is done with something."""
QUEUED = 6
"""Configurations that wait for a device or are on it, beside those that are being compiled: more would be chosen
without what these say."""


class FirstPass:
    """Iterating does it, and yields the share of what is to be compiled that is. left: ids of the cases that are not
    known. compilation: of those that are compiled ahead, None where none is. slots: devices."""

    def __init__(
        self, search: Search, ledger: Ledger, race: Race, compilation: Compilation | None, slots: int,
        left: Collection[str],
    ) -> None:  # fmt: skip
        self._search, self._ledger, self._race, self._compilation = search, ledger, race, compilation
        self._left, self._compiles = set(left), compilation.ids if compilation is not None else frozenset[str]()
        self._width = compilation.jobs + QUEUED if compilation is not None else slots + 1

    def __iter__(self) -> Iterator[float]:
        return self._all() if self._search.takes_all else self._some()

    def _all(self) -> Iterator[float]:
        left = self._search.left(self._ledger.rows)
        for case in left:
            if case.id not in self._compiles:
                self._race.offer(case)
        count = sum(case.id in self._compiles for case in left)
        for number, compiled in enumerate(self._compilation or (), 1):
            if compiled.case.id in self._left:
                self._race.offer_compiled(compiled)
            yield number / max(1, count)

    def _some(self) -> Iterator[float]:
        """Ends where the search names nothing more, or the budget leaves no more than the choice takes."""
        compilation = self._compilation
        while not self._search.is_over(self._ledger.rows):
            expected = compilation.expected if compilation is not None else 0
            more = self._search.next(self._ledger.rows, max(0, self._width - expected - self._race.running()))
            for case in more:
                if case.id not in self._compiles:
                    self._race.offer(case)
            ahead = [case for case in more if case.id in self._compiles]
            if compilation is not None and ahead:
                compilation.want(ahead)
            if compilation is not None and compilation.is_busy:
                compiled = compilation.heard(POLL_S)
                if compiled is not None and compiled.case.id in self._left:
                    self._race.offer_compiled(compiled)
                    yield 1.0
            elif self._race.running():
                self._race.wait(POLL_S)
            elif not more:
                break
        if compilation is not None:
            compilation.end()
