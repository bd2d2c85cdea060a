"""Sides are named like runs, with an arm where one is meant."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.compare import StoredSide, load_sides
from harness.errors import HarnessError
from harness.store import Store, export_run
from tests.compare.paired_stored import two_sides
from tests.compare.stored_runs import kernel, measured, stored


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Runs 1 and 3 of suite `synthetic`, 2 of `other`; all with two arms, all complete."""
    store = Store(str(tmp_path / "runs.sqlite"))
    arms = [measured(kernel(arm=arm), [10.0]) for arm in ("baseline", "autotuned")]
    for number, suite in enumerate(("synthetic", "other", "synthetic"), 1):
        run = msgspec.structs.replace(stored(*arms), suite=suite, note=str(number))
        store.add_run(run, f"uuid-{number}")
    return store


@pytest.mark.parametrize(
    ("base", "head", "wanted"),
    [
        ("last~1", "last", ("1", "3")),
        ("1", "last", ("1", "3")),
        ("last", "1", ("3", "1")),
        ("2", "3", ("2", "3")),
        ("1:baseline", "3:autotuned", ("1", "3")),
    ],
)
def test_last_is_the_last_run_of_the_other_sides_suite(
    base: str, head: str, wanted: tuple[str, str], store: Store
) -> None:
    """Run 2 lies between 1 and 3, but answers other questions."""
    sides = load_sides(base, head, store)
    assert (sides[0].run.id, sides[1].run.id) == wanted


def test_an_arm_named_on_one_side_is_meant_on_both(store: Store) -> None:
    assert [side.arm for side in load_sides("1:autotuned", "3", store)] == ["autotuned", "autotuned"]
    assert [side.arm for side in load_sides("3:baseline", "3:autotuned", store)] == ["baseline", "autotuned"]
    assert [side.run.id for side in load_sides(":baseline", ":autotuned", store)] == ["3", "3"]


def test_the_runs_of_a_comparison_of_arms_mean_these_arms(tmp_path: Path) -> None:
    """As numbers and as files; a run of it beside any other means every arm."""
    store = Store(str(tmp_path / "paired.sqlite"))
    for side, arm in zip(two_sides({"a": ([10.0], [11.0])}), ("baseline", "autotuned"), strict=True):
        assert side.run.pairing is not None
        pairing = msgspec.structs.replace(side.run.pairing, arm=arm)
        case = measured(kernel("a", arm=arm), [10.0])
        run = msgspec.structs.replace(side.run, pairing=pairing, measurements=(case,), planned=(case.case,))
        export_run(run, arm, tmp_path / f"{arm}.json.gz")
        store.add_run(run, arm)
    store.add_run(stored(measured(kernel("a"), [10.0])), "another")
    files = [str(tmp_path / f"{arm}.json.gz") for arm in ("baseline", "autotuned")]
    for names in (("1", "2"), files):
        assert [side.arm for side in load_sides(names[0], names[1], store)] == ["baseline", "autotuned"]
    assert [side.arm for side in load_sides("2", "1", store)] == ["autotuned", "baseline"]
    assert [side.arm for side in load_sides("1", "3", store)] == [None, None]


def test_a_file_is_a_side(store: Store, tmp_path: Path) -> None:
    """Its run is another one than those of the store, whatever its number; one that is also in the store is itself."""
    path = tmp_path / "a:b.json"
    export_run(msgspec.structs.replace(store.load("1"), note="elsewhere"), "uuid-9", path)
    assert [side.run.note for side in load_sides(str(path), "1", store)] == ["elsewhere", "1"]
    assert load_sides(f"{path}:baseline", "1", store)[0].arm == "baseline"
    export_run(store.load("1"), "uuid-1", path)
    with pytest.raises(HarnessError, match="are the same"):
        load_sides(str(path), "1", store)


@pytest.mark.parametrize(
    ("base", "head", "line"),
    [
        ("3", "last", r"3 and last are the same, run 3; name two runs or two arms: 3:baseline 3:autotuned"),
        ("1:baselin", "3", r"run 1 has no arm baselin; allowed: .*did you mean baseline\?"),
        ("1:", "3", r"run 1 has no arm \(empty\)"),
        ("7", "3", r"no run 7 in .*ids 1 to 3"),
    ],
)
def test_a_wrong_side_is_one_line(base: str, head: str, line: str, store: Store) -> None:
    with pytest.raises(HarnessError, match=line) as error:
        load_sides(base, head, store)
    assert "\n" not in str(error.value)


def test_a_files_run_is_called_by_its_file(store: Store, tmp_path: Path) -> None:
    """Its number would be that of another run here."""
    for name in ("before", "after"):
        export_run(msgspec.structs.replace(store.load("1"), note=name), name, tmp_path / f"{name}.json")
    sides = load_sides(str(tmp_path / "before.json"), str(tmp_path / "after.json"), store)
    assert [side.facts.run for side in sides] == ["before.json", "after.json"]


def test_a_run_that_ended_early_counts_the_processes_that_measured() -> None:
    """Not those that were asked for."""
    run = msgspec.structs.replace(stored(measured(kernel(), [10.0, 10.1])), processes=4)
    for state, wanted in (("partial", 2), ("complete", 4)):
        assert StoredSide(msgspec.structs.replace(run, state=state)).facts.processes == wanted
