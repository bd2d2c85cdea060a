"""What goes from an old store, what stays, and that a history loses nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from harness.errors import HarnessError
from harness.store import Store, outbox
from harness.store.checking import check
from harness.store.copying import copy
from harness.store.dump import dump, read_dump
from harness.store.pruning import prunable, prune
from harness.values.machine import Sniff
from harness.values.run import Run
from tests.compare.paired_stored import two_sides
from tests.compare.stored_runs import ENVIRONMENT, kernel, measured, stored
from tests.store.test_points import everything, filled, without_ids


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Nine old runs, one of them tagged and three sides of comparisons, and one of the far future."""
    store = filled(Store(str(tmp_path / "runs.sqlite")))
    store.tag("2", ["release"])
    store.add_run(stored(measured(kernel("a"), [10.0]), started="2999-01-01T00:00:00+00:00"), "new")
    return store


def test_only_plain_old_runs_go(store: Store) -> None:
    found = prunable(store, days=30)
    assert found.runs == (1, 3, 4, 5, 6) and found.size > 0
    assert found.kept == {"tagged": 1, "sides of comparisons and calibrations": 3}
    assert prunable(store, days=1e6).runs == ()


def test_the_newest_run_of_a_suite_is_kept_however_old(tmp_path: Path) -> None:
    """`last` is still there."""
    store = filled(Store(str(tmp_path / "runs.sqlite")))
    assert 6 not in prunable(store, days=30).runs
    assert prunable(store, days=30).kept["newest of a suite on a machine"] == 1


def test_a_run_is_old_by_its_start_whatever_its_zone(tmp_path: Path) -> None:
    """As text, the second one is of the day after; the third has no start, and may be new."""
    store, now = Store(str(tmp_path / "runs.sqlite")), datetime.now(UTC).replace(microsecond=0)
    east = timezone(timedelta(hours=14))
    starts = [(now - timedelta(hours=hours)).astimezone(east).isoformat() for hours in (12, 60)]
    for number, started in enumerate([*starts, "", now.isoformat()]):
        store.add_run(stored(measured(kernel("a"), [10.0]), started=started), f"u{number}")
    assert prunable(store, days=2).runs == (2,) and prunable(store, days=0.4).runs == (1, 2)


def test_the_newest_run_of_each_of_two_equal_cards_is_kept(tmp_path: Path) -> None:
    """They differ by UUID alone; and a run that is imported late is still an old one."""
    store = Store(str(tmp_path / "runs.sqlite"))
    for number, card in enumerate(("GPU-1", "GPU-2", "GPU-1", "GPU-1")):
        where = msgspec.structs.replace(ENVIRONMENT, device_uuid=card, device_name="H")
        sniff = Sniff("host", 1000.0, 10.0, 2.0, 0.1)
        began = f"2026-01-{(5, 4, 3, 2)[number]:02}T00:00:00+00:00"
        run = stored(measured(kernel("a"), [10.0]), started=began, environment=where)
        store.add_run(msgspec.structs.replace(run, sniff=sniff), f"u{number}")
    assert prunable(store, days=30).runs == (3,)


def test_a_history_loses_nothing(store: Store, tmp_path: Path) -> None:
    """A pruned run is listed and has its points; its samples are gone, which is said, and so is the room."""
    before, size = everything(store), prunable(store, days=30).size
    verdict = store.load("7"), store.load("8")
    prune(store, prunable(store, days=30).runs)
    assert everything(store) == before
    assert [found.state for found in store.runs()][:3] == ["pruned", "complete", "pruned"]
    with pytest.raises(HarnessError, match="run 1 was pruned: its samples are gone; `harness history`"):
        store.load("1")
    assert (store.load("7"), store.load("8")) == verdict and store.load("release").id == "2"
    assert check(store)[1] == [] and prunable(store, days=30).runs == ()
    assert size > sum(len(body) for body in _bodies(store, "headers"))
    team = Store(str(tmp_path / "team.sqlite"))
    copy(store, team)
    assert without_ids(everything(team)) == without_ids(before)


def test_what_waits_to_be_pushed_stays(store: Store) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO outbox VALUES (3)")
    assert 3 not in prunable(store, days=30).runs and outbox.waiting(store) == ["uuid-2"]
    outbox.sent(store, {"uuid-2"})
    assert 3 in prunable(store, days=30).runs


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz"])
def test_a_dump_brings_every_run_back(store: Store, tmp_path: Path, name: str) -> None:
    assert dump(store, tmp_path / name) == (10, 0)
    other = Store(str(tmp_path / "other.sqlite"))
    for run, identity in read_dump(tmp_path / name):
        other.add_run(run, identity)
    assert _runs(other) == _runs(store) and everything(other) == everything(store)


def test_a_line_that_is_no_run_is_named(tmp_path: Path) -> None:
    for content, words in ((b"{}\n", "line 1: not an exported run"), (b"\xff", "line 1: not an exported run")):
        (tmp_path / "bad.jsonl").write_bytes(content)
        with pytest.raises(HarnessError, match=words):
            list(read_dump(tmp_path / "bad.jsonl"))
    with pytest.raises(HarnessError, match="allowed: a name that ends in"):
        dump(Store(str(tmp_path / "runs.sqlite")), tmp_path / "x.json")


def _runs(store: Store) -> list[Run]:
    return [msgspec.structs.replace(store.load(found.id), id="", tags=()) for found in store.runs()]


def _bodies(store: Store, table: str) -> list[bytes]:
    with store.transaction() as connection:
        return list(connection.exec_driver_sql(f"SELECT body FROM {table}").scalars())


def test_both_sides_of_a_calibration_stay(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "runs.sqlite"))
    for side in two_sides({"a": ([10], [10])}, purpose="calibrate"):
        store.add_run(side.run, side.run.id)
    assert prunable(store, days=1).runs == ()
