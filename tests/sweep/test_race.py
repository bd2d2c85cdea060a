"""The first pass with a device that is scripted: who is timed, who is the same, who is pruned, and what is stored."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest

from harness.errors import HarnessError
from harness.store import Store
from harness.suite.load import load_suite
from harness.sweep import rank
from harness.sweep.finals import Finalists
from harness.sweep.questions import SweepQuestion
from harness.sweep.race import Ledger, Race
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.environment import Environment
from harness.values.launch import Launch
from harness.values.measurement import Measurement, Sample, Status
from harness.worker.messages import Outcome, Task
from harness.worker.process import WorkerDied
from tests.conftest import REPOSITORY
from tests.store.test_store import run
from tests.sweep.made import case

SUITE = load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml")
HERE = Environment("cuda", "fake", "3", "2", "cpu", 1, "Linux")


class Scripted:
    """Does at once what it is asked, and remembers it; `dies` by case id."""

    slots = 1

    def __init__(self, dies: dict[str, WorkerDied]) -> None:
        self.dies, self.asked = dies, list[str]()

    def submit(self, task: Task) -> Future[Outcome]:
        [entrant] = task.entrants
        self.asked.append(entrant.case.id)
        future: Future[Outcome] = Future()
        if entrant.case.id in self.dies:
            future.set_exception(self.dies[entrant.case.id])
        else:
            m = Measurement(entrant.case, Status.OK, samples=(Sample(2.0, 0, 0),))
            future.set_result(Outcome(HERE, (m,), {"h": "text"}, (), 0.5))
        return future

    on_one = submit

    def close(self) -> None: ...


def compiled(of: Case, binary: str) -> Compiled:
    return Compiled(of, Status.OK, launches=(Launch(binary, "k", (1, 1, 1), (1, 1, 1), 0),))


def race(tmp_path: Path, cases: list[Case], dies: dict[str, WorkerDied]) -> tuple[Race, Ledger, Scripted]:
    store = Store(str(tmp_path / "runs.sqlite"))
    ledger = Ledger(store, {c.id: f"key of {c.id}" for c in cases}, {})
    ledger.run_id = store.begin(run())
    devices = Scripted(dies)
    return Race(SUITE, ledger, devices, lambda: None), ledger, devices


def test_the_same_launches_are_timed_once_and_the_grid_alone_makes_a_difference(tmp_path: Path) -> None:
    cases = [case(b=b) for b in range(5)]
    runner, ledger, devices = race(tmp_path, cases, {})
    for of, binary in zip(cases[:3], "xxy", strict=True):
        runner.offer_compiled(compiled(of, binary))
    wider = Launch("x", "k", (2, 1, 1), (1, 1, 1), 0)
    runner.offer_compiled(Compiled(cases[3], Status.OK, launches=(wider,)))
    runner.offer_compiled(Compiled(cases[4], Status.TIMEOUT, "over the limit of 1 s"))
    runner.finish()
    assert devices.asked == [cases[0].id, cases[2].id, cases[3].id]
    rows = [ledger.rows[c.id] for c in cases]
    assert [r.same_as for r in rows] == [None, cases[0].id, None, None, None]
    assert [r.pruned for r in rows] == [False] * 4 + [True] and "over the limit" in rows[4].measurement.reason
    stored = ledger.store.known_configurations(ledger.keys.values())
    assert set(stored) == set(ledger.keys.values()) and ledger.busy_s == 1.5


def test_a_duplicate_that_is_the_baseline_stays_one(tmp_path: Path) -> None:
    """It is timed beside the finalists for its own sake, and still no distinct configuration."""
    cases = [case(b=b) for b in range(2)]
    runner, ledger, _ = race(tmp_path, cases, {})
    for of in cases:
        runner.offer_compiled(compiled(of, "x"))
    ledger.record(Measurement(cases[1], Status.OK, samples=(Sample(2.0, 0, 0),)), "final")
    rows = list(ledger.rows.values())
    assert rows[1].same_as == cases[0].id and rows[1].stage == "final"
    assert [r.case.id for r in rank.distinct(rows)] == [cases[0].id]


def test_who_dies_is_a_row_and_a_stopped_sweep_leaves_none(tmp_path: Path) -> None:
    cases = [case(b=b) for b in range(3)]
    dies = {
        cases[0].id: WorkerDied("signal 9"), cases[1].id: WorkerDied("too long", timed_out=True),
        cases[2].id: WorkerDied("stopped", stopped=True),
    }  # fmt: skip
    runner, ledger, _ = race(tmp_path, cases, dies)
    for of in cases:
        runner.offer(of)
    runner.finish()
    assert [r.measurement.status for r in ledger.rows.values()] == [Status.FAILED, Status.TIMEOUT]


def test_what_never_compiles_is_left_to_the_device(tmp_path: Path) -> None:
    """One that does makes of the failures before and after it what they are: failures."""
    never = [case(b=b) for b in range(2)]
    some = [msgspec.structs.replace(case(b=b), site="other") for b in range(3)]
    runner, ledger, devices = race(tmp_path, [*never, *some], {})
    for of in (*never, some[0]):
        runner.offer_compiled(Compiled(of, Status.FAILED, "no"))
    runner.offer_compiled(compiled(some[1], "x"))
    runner.offer_compiled(Compiled(some[2], Status.FAILED, "no"))
    assert devices.asked == [some[1].id]
    runner.finish()
    assert devices.asked == [some[1].id, *(c.id for c in never)]
    assert [ledger.rows[c.id].pruned for c in some] == [True, False, True]


def test_a_result_that_cannot_be_stored_stops_the_sweep(tmp_path: Path) -> None:
    """It is learnt in another thread; it is not lost there."""
    runner, ledger, _ = race(tmp_path, [case(b=1)], {})
    ledger.run_id = "999"
    runner.offer(case(b=2))  # a case without a key
    with pytest.raises((KeyError, HarnessError)):
        runner.finish()


def test_the_five_are_of_this_sweeps_finals(tmp_path: Path) -> None:
    """A row that an earlier, smaller sweep called final, and that is not in these finals, is not among them."""
    cases = [case(b=b) for b in range(80)]
    store = Store(str(tmp_path / "runs.sqlite"))
    ledger = Ledger(store, {c.id: f"key of {c.id}" for c in cases}, {})
    ledger.run_id = store.begin(run())
    for number, of in enumerate(cases):
        us = 100.0 if number == 70 else 10.0 + number / 10
        stage = "final" if number == 70 else "first"
        ledger.record(Measurement(of, Status.OK, samples=(Sample(us, 0, 0),)), stage)
    asked = SweepQuestion("int4_mm", "main", "v", tuple(cases), cases[60], {}, False)

    class Rounds(Scripted):
        def on_one(self, task: Task) -> Future[Outcome]:
            future: Future[Outcome] = Future()
            number = {c.id: n for n, c in enumerate(cases)}
            future.set_result(
                Outcome(
                    HERE,
                    tuple(
                        Measurement(
                            e.case,
                            Status.OK,
                            samples=tuple(Sample(10.0 + number[e.case.id], 0, r) for r in range(task.rounds)),
                        )
                        for e in task.entrants
                    ),
                )
            )
            return future

    top, twins = Finalists(SUITE, asked, ledger, Rounds({}), "cuda", None, lambda _: None).choose()
    assert [row.case.id for row in top] == [c.id for c in cases[:5]] and len(twins) == 8
    assert ledger.rows[cases[12].id].stage == "half" and ledger.rows[cases[60].id].stage == "final"
    assert ledger.rows[cases[70].id].stage == "final", "what was stored stays"
    rounds = [s.round for s in ledger.rows[cases[0].id].measurement.samples]
    assert rounds == list(range(len(rounds))) and len(rounds) >= 15
