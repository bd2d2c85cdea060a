"""Compiles and times once every configuration that a search names. Earlier times decide which one is compiled next."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from harness.sweep.race import Ledger, Race
from harness.sweep.search import Search

if TYPE_CHECKING:
    from harness.static.pool import Compilation

POLL_S = 0.02
"""Seconds that a search waits for a compiler before it checks whether the device has finished something."""
QUEUED = 6
"""Configurations that wait for a device or run on it, beside those that are being compiled. More of them would be
chosen without knowing the times of these."""


class FirstPass:
    """Iterating runs the pass, and yields the compiled share of the configurations to compile.

    left: ids of the cases without a result. compilation: compiles cases ahead; None where no case needs it. slots:
    number of devices.
    """

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
        """Run until the search names nothing more, or the budget leaves no more than the choice needs."""
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
