"""What a search leaves out it says, with the reason; a budget ends it, and not before there is something to choose
from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec

from harness.stats.landscape import median_us
from harness.sweep.first_pass import FirstPass
from harness.sweep.questions import SweepQuestion
from harness.sweep.search import GUIDED_FROM, LEAST_TIMED, Search
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.sweep import Configuration
from harness.worker.messages import Outcome
from tests.sweep.made import case, row
from tests.sweep.test_race import compiled, race


def asked(cases: Sequence[Case]) -> SweepQuestion:
    return SweepQuestion("int4_mm", "main", "v", tuple(cases), cases[0], {}, True)


def known(cases: Sequence[Case]) -> dict[str, Configuration]:
    return {c.id: row(10.0 + n, **c.tunables) for n, c in enumerate(cases)}


SMALL = [case(b=b) for b in range(GUIDED_FROM - 1)]
LARGE = [case(b=b, w=w) for b in range(40) for w in (2, 4, 8)]


def test_a_small_space_is_tried_as_a_whole_and_a_large_one_is_guided() -> None:
    search = Search([asked(SMALL)])
    assert search.takes_all and [c.id for c in search.left({})] == [c.id for c in SMALL]
    assert search.left(known(SMALL)) == [] and search.left_out(0, known(SMALL)) == []
    assert search.words(0, known(SMALL)) == "exhaustive; 99 of 99 tried"
    guided = Search([asked(LARGE)])
    assert not guided.takes_all and guided.next({}, 1)[0].id == LARGE[0].id, "the baseline goes first"
    assert Search([asked(LARGE)], "exhaustive").takes_all and not Search([asked(SMALL)], "guided").takes_all


def test_every_case_that_was_not_tried_is_a_row_with_its_reason() -> None:
    search, tried = Search([asked(LARGE)]), LARGE[:60]
    left = search.left_out(0, known(tried))
    assert [r.case.id for r in left] == [c.id for c in LARGE[60:]] and all(r.left_out and not r.pruned for r in left)
    assert {r.measurement.status for r in left} == {Status.SKIPPED}
    assert all("no neighbour of the fastest" in r.measurement.reason for r in left)
    assert "60 of 120 tried" in search.words(0, known(tried))


def test_a_budget_ends_a_search_once_there_is_a_choice() -> None:
    search = Search([asked(SMALL)], budget_s=5.0, started_s=time.perf_counter() - 60)
    assert not search.takes_all
    assert not search.is_over(known(SMALL[: LEAST_TIMED - 1])) and search.is_over(known(SMALL[:LEAST_TIMED]))
    [reason] = {r.measurement.reason for r in search.left_out(0, known(SMALL[:LEAST_TIMED]))}
    assert reason == "not tried: the budget of 5 s was spent"
    assert "within a budget of 5 s; 16 of 99 tried" in search.words(0, known(SMALL[:LEAST_TIMED]))
    patient = Search([asked(SMALL)], budget_s=500.0, started_s=time.perf_counter())
    assert not patient.is_over(known(SMALL[:LEAST_TIMED]))


class Compilers:
    """Compile at once what is wanted, in their own time: one an asking."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.ids, self.jobs, self.wanted, self.ended = frozenset(c.id for c in cases), 3, list[Case](), False
        self._ready: list[Compiled] = []

    def want(self, cases: Sequence[Case]) -> None:
        self.wanted += cases
        self._ready += [compiled(c, f"binary of {c.tunables['b']}") for c in cases]

    @property
    def expected(self) -> int:
        return len(self._ready)

    @property
    def is_busy(self) -> bool:
        return bool(self._ready)

    def heard(self, limit_s: float | None) -> Compiled:
        return self._ready.pop(0)

    def end(self) -> None:
        self.ended = True


def test_a_guided_pass_compiles_what_the_times_point_at_and_no_twin_of_it(tmp_path: Path) -> None:
    """The time is least at b = 30 and w acts on nothing: it is found with half of the space neither compiled nor
    timed, and of each b that was tried one is on the device."""
    runner, ledger, devices = race(tmp_path, LARGE, {})
    submit = devices.submit

    def timed(task: Any) -> Future[Outcome]:
        done = submit(task).result()
        us = 10.0 + abs(task.entrants[0].case.tunables["b"] - 30)
        future: Future[Outcome] = Future()
        future.set_result(with_time(done, us))
        return future

    devices.submit = devices.on_one = timed  # type: ignore[method-assign]
    search, compilers = Search([asked(LARGE)]), Compilers(LARGE)
    ids = [c.id for c in LARGE]
    shares = list(FirstPass(search, ledger, runner, compilers, 1, ids))  # type: ignore[arg-type]
    runner.finish()
    best = min(ledger.rows.values(), key=median_us)
    assert best.tunables["b"] == 30 and compilers.ended and len(shares) == len(compilers.wanted) < 60
    assert len(devices.asked) == len({c.tunables["b"] for c in compilers.wanted}) <= 40


def with_time(outcome: Outcome, us: float) -> Outcome:
    [m] = outcome.measurements
    samples = tuple(msgspec.structs.replace(s, value_us=us) for s in m.samples)
    return msgspec.structs.replace(outcome, measurements=(msgspec.structs.replace(m, samples=samples),))


def test_questions_have_their_turns_even_where_one_case_is_asked_for_at_a_time() -> None:
    """The first would have all the time of a budget."""
    other = [msgspec.structs.replace(c, site="other") for c in LARGE]
    search = Search([asked(LARGE), asked(other)])
    named = [case for _ in range(8) for case in search.next({}, 1)]
    assert [c.site for c in named] == ["main", "other"] * 4
