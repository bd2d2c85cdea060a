"""Each finished run's cases are points of their series, however the run came here."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine

from harness.errors import HarnessError
from harness.stats import estimate
from harness.store import Store, database, points
from harness.store.checking import check
from harness.store.copying import copy
from harness.values.closure import Closure, observed
from harness.values.measurement import Measurement, Status
from harness.values.point import CasePoint, CaseSeries
from harness.values.run import Run
from tests.compare.paired_stored import two_sides
from tests.compare.stored_runs import ENVIRONMENT, decode, kernel, measured, noisy, stored
from tests.store.older import as_version_2, as_version_3, as_version_4

Points = list[tuple[CaseSeries, CasePoint]]


def runs() -> list[Run]:
    """Two machines in turn; a case that fails, one that another stands for, observed code, a comparison."""
    rng = random.Random(1)
    made = []
    for number in range(6):
        environment = msgspec.structs.replace(
            ENVIRONMENT, commit=f"{number:040x}", device_uuid=f"GPU-{number % 2}", read_gb_s=3000.0 + number
        )
        failed = Measurement(kernel("b"), Status.FAILED, "it raised")
        of_b = failed if number == 3 else measured(kernel("b"), noisy(rng, 5))
        shared = msgspec.structs.replace(kernel("a", "autotuned"), same_as=kernel("a").id)
        first = measured(kernel("a"), noisy(rng, 10))
        run = stored(
            first, of_b, measured(decode(), noisy(rng, 900)), run_id=str(number + 1), environment=environment,
            planned=(first.case, of_b.case, shared, decode()), position=number + 1,
        )  # fmt: skip
        closures = {first.case.id: Closure({"a.py": f"code {number // 2}"})}
        made.append(msgspec.structs.replace(run, observed=observed(closures, {first.case.id: "asked"})))
    base, head = two_sides({"a": ([10, 10], [11, 11])}, identical=("b",))
    return [*made, base.run, head.run, msgspec.structs.replace(base.run, state="partial")]


def filled(store: Store) -> Store:
    for number, run in enumerate(runs()):
        store.add_run(run, f"uuid-{number}")
    return store


def without_ids(found: Points) -> Points:
    return [(series, msgspec.structs.replace(point, run="")) for series, point in found]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(Store(str(tmp_path / "runs.sqlite")))


def everything(store: Store) -> Points:
    return store.points(store.series())


def test_points_are_what_the_runs_say(store: Store) -> None:
    """Of each run that is stored, by the very estimates that it has; machines apart, by the start of the runs."""
    expected = [pair for summary in store.runs() for pair in points.points_of(store.load(summary.id))]
    expected.sort(key=lambda pair: (pair[1].started, int(pair[1].run)))
    found = everything(store)
    assert [point for _, point in found] == [point for _, point in expected]
    assert [(s.suite, s.case.id, s.identity) for s, _ in found] == [
        (s.suite, s.case.id, s.identity) for s, _ in expected
    ]
    first = next(point for series, point in found if series.case.id == kernel("a").id)
    assert first.time == estimate(store.load("1").measurements[0].samples) and first.position == 1
    assert {series.identity for series in store.series()} == {"GPU-0", "GPU-1"}


def test_the_same_code_has_the_same_fingerprint(store: Store) -> None:
    """Of what nobody looked on there is none."""
    found = [p.code.fingerprint for s, p in everything(store) if s.case.id == kernel("a").id and not p.tree]
    assert found[0] and found[0] == found[1] != found[2] and found[2] == found[3]
    assert {p.code.fingerprint for s, p in everything(store) if s.case.id == kernel("b").id} == {""}


def test_the_newest_of_each_series(store: Store) -> None:
    wanted = [series for series in store.series() if series.case.id == kernel("a").id]
    every, two = store.points(wanted), store.points(wanted, newest=2)
    for series in wanted:
        assert [p for s, p in two if s == series] == [p for s, p in every if s == series][-2:]


def test_a_calibration_is_no_history(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "runs.sqlite"))
    for side in two_sides({"a": ([10], [10])}, purpose="calibrate"):
        store.add_run(side.run, side.run.id)
    assert store.series() == [] and [found.purpose for found in store.runs(purpose="calibrate")] == ["calibrate"] * 2


def test_points_are_written_with_the_end_of_a_run(tmp_path: Path) -> None:
    """Until then they are made of its rows; of a run whose writer was killed, until the next run begins."""
    store = Store(str(tmp_path / "runs.sqlite"))
    running = msgspec.structs.replace(stored(planned=(kernel("a"), kernel("b"))), state="running")
    number = store.begin(running)
    store.add_measurement(number, 0, measured(kernel("a"), [10.0]))
    before = everything(store)
    assert [point.status for _, point in before] == ["OK", "NOT REACHED"]
    assert _rows(store, "points") == 0
    store.finish(number, "partial")
    assert everything(store) == before and _rows(store, "points") == 2
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE runs SET state = 'running', writer = writer || '0'")
        connection.exec_driver_sql("DELETE FROM points")
    assert everything(store) == before and _rows(store, "points") == 0
    store.begin(running)
    assert everything(store)[:2] == before and _rows(store, "points") == 2
    assert [found.state for found in store.runs()] == ["partial", "running"]


@pytest.mark.parametrize("make_older", [as_version_4, as_version_3, as_version_2])
def test_an_older_store_gets_its_points(store: Store, tmp_path: Path, make_older: Callable[[Engine], None]) -> None:
    """The same as a store of today has, and the same runs and lists."""
    before, listed = everything(store), store.runs()
    loaded = [store.load(found.id) for found in listed]
    _older(store, make_older)
    assert database.upgrade(database.read_url(str(store.file)))[0] in (2, 3, 4)
    after = Store(str(store.file))
    assert everything(after) == before and after.runs() == listed
    assert [after.load(found.id) for found in listed] == loaded
    assert check(after)[1] == []


def test_a_copy_has_the_same_points(store: Store, tmp_path: Path) -> None:
    """In a store whose numbers are others."""
    other = Store(str(tmp_path / "other.sqlite"))
    other.add_run(stored(measured(kernel("z"), [1.0]), suite="# another\n" + "suite: 1"), "first")
    copy(store, other)
    wanted = [series for series in other.series() if series.case.id != kernel("z").id]
    assert without_ids(other.points(wanted)) == without_ids(everything(store))
    assert [other.load(f"uuid-{n}").sources for n in range(6)] == [store.load(f"uuid-{n}").sources for n in range(6)]
    assert check(other)[1] == []


def test_a_text_is_kept_once(store: Store, tmp_path: Path) -> None:
    """However many runs have it, and whatever hash a file says that it has."""
    assert _rows(store, "sources") == 9
    same = {"1" * 64: "# a text of 64 characters", "2" * 64: "# a text of 64 characters"}
    number = store.add_run(stored(measured(kernel("a"), [1.0]), sources=same), "one more")
    assert store.load(number).sources == same
    texts = {text for summary in store.runs() for text in store.load(summary.id).sources.values()}
    with store.transaction() as connection:
        shared = connection.exec_driver_sql("SELECT count(*) FROM contents WHERE id IN (SELECT content FROM sources)")
        assert shared.scalar_one() == len(texts) == 2


def _rows(store: Store, table: str) -> int:
    with store.transaction() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def _older(store: Store, make_older: Callable[[Engine], None]) -> None:
    store.close()
    engine = database.open_engine(database.read_url(str(store.file)))
    make_older(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE points SET value_us = 9e999", "a time of inf us"),
        ("UPDATE points SET value_us = -1", "a time of -1.0 us"),
        ("UPDATE points SET low_us = 'x'", "Expected `float`, got `str`"),
        ("DELETE FROM contents", r"content \d+ is not here"),
    ],
)
def test_a_damaged_point_is_one_line_and_is_found_by_a_check(tmp_path: Path, statement: str, said: str) -> None:
    store = filled(Store(str(tmp_path / "runs.sqlite")))
    store.close()
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as raw, raw:
        raw.execute(statement)
    damaged = Store(str(tmp_path / "runs.sqlite"))
    with pytest.raises(HarnessError, match=f"a stored value cannot be read: {said}"):
        damaged.points(damaged.series())
    assert check(damaged)[1] != []


def test_a_check_reads_the_columns_of_runs(tmp_path: Path) -> None:
    store = filled(Store(str(tmp_path / "runs.sqlite")))
    assert check(store)[1] == []
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE runs SET note = x'ff' WHERE id = 2")
    assert [problem.partition(": cannot")[0] for problem in check(store)[1]] == ["runs row 2"]
