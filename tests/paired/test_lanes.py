"""A comparison over several devices: each pair on one of them, pairs of different ones at the same time. The devices
are the names of two GPUs; where there are none, the processes run on the CPU all the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.runner import lane
from harness.runner.lane import devices_for
from harness.runner.live_sides import Live, prepare
from harness.runner.paired import Pairs
from harness.runner.stage import Options
from harness.runner.terms import Terms
from harness.store import Store
from harness.values.measurement import Status
from harness.values.pairing import Slot
from harness.values.run import Run
from tests.paired.repository import SUITE, Repository, make

DEVICES = ("0", "1")
TERMS = Terms(pairs=2, measure_identical=True, seed=1, devices=DEVICES)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make(tmp_path_factory.mktemp("lanes") / "repository")


@pytest.fixture
def store(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(repository.root)
    monkeypatch.setenv("HARNESS_LOCKS", str(tmp_path))
    return Store(str(tmp_path / "runs.sqlite"))


def measuring(store: Store, report: object = lambda *_: None) -> Pairs:
    live = Live("fast", "fast", SUITE, "int4_mm@gdn_in")
    return prepare(live, store, Options(processes=0, rounds=1), TERMS, report, print)  # type: ignore[arg-type]


def lasted(slot: Slot) -> tuple[datetime, datetime]:
    start = datetime.fromisoformat(slot.started)
    return start, start + timedelta(seconds=slot.wall_s)


def overlap(one: Slot, other: Slot) -> bool:
    return max(lasted(one)[0], lasted(other)[0]) < min(lasted(one)[1], lasted(other)[1])


@pytest.mark.slow
def test_each_pair_has_a_device_and_pairs_run_at_once(store: Store) -> None:
    """Both sides of a pair ran on its device, one after the other, in the order that was drawn; the pairs of two
    devices ran at the same time, and so did the checks of both sides. Every pair counts."""
    measured = measuring(store)
    found = measured.run()
    base, head = (store.load(side.record.run_id) for side in measured.sides)
    assert found.comparable and base.state == head.state == "complete"
    both = {n: (of(base, n), of(head, n)) for n in range(3)}
    assert [(one.device, other.device) for one, other in both.values()] == [("0", "1"), ("0", "0"), ("1", "1")]
    assert overlap(*both[0]) and not any(overlap(*both[n]) for n in (1, 2))
    first, second = ([slot for slot in base.slots if slot.process == n] for n in (1, 2))
    assert any(overlap(one, other) for one in (*first, of(head, 1)) for other in (*second, of(head, 2)))
    for number in (1, 2):
        assert (of(head, number).position == 0) == measured.orders.head_first("kernels", number - 1)
    assert all(m.status is Status.OK for run in (base, head) for m in run.measurements)
    assert {sample.process for run in (base, head) for sample in run.measurements[0].samples} == {1, 2}


@pytest.mark.slow
def test_what_interrupts_one_device_stops_all(store: Store) -> None:
    """Their processes end, and no case of them failed: what was measured before is kept."""

    def report(stage: str, what: str, done: int, of: int) -> None:
        if stage == "kernels" and done == 0 and of:
            raise KeyboardInterrupt

    measured = measuring(store, report)
    with pytest.raises(KeyboardInterrupt):
        measured.run()
    for side in measured.sides:
        run = store.load(side.record.run_id)
        assert run.state == "partial" and not side.record.failed
        assert all(m.status is Status.OK for m in run.measurements)


def of(run: Run, process: int) -> Slot:
    [slot] = [slot for slot in run.slots if slot.process == process]
    return slot


def test_gpus_are_of_one_kind_and_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is whatever a process finds by itself. More have names, and are alike."""
    names = {"0": "NVIDIA H200", "1": "NVIDIA H200", "2": "NVIDIA L4"}
    monkeypatch.setattr(lane, "visible_gpus", lambda: list(names))
    monkeypatch.setattr(lane, "gpu_name", names.__getitem__)
    assert devices_for(1) == ("",) and devices_for(2) == ("0", "1")
    with pytest.raises(HarnessError, match="--gpus 3: these are NVIDIA H200, NVIDIA H200, NVIDIA L4; allowed: GPUs of"):
        devices_for(3)
    with pytest.raises(HarnessError, match="--gpus 4: this machine shows 3; allowed: 1 to 3"):
        devices_for(4)
    monkeypatch.setattr(lane, "visible_gpus", list)
    with pytest.raises(HarnessError, match=r"--gpus 2: this machine shows 0; allowed: 1$"):
        devices_for(2)
