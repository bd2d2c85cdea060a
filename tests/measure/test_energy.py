"""Joules from a counter that moves in steps: planted power is found to within what the place of the steps leaves open.

Clocks are real, bounds are not those of a quiet machine: each window says how far its ends may be off."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.device import energy_ticks
from harness.device.cpu import CpuDevice
from harness.device.fake import FakeDevice
from harness.measure import energy
from harness.measure.energy import EnergyMeter, EnergyUnknown, Tick, is_steady, units_done
from harness.measure.kernel_cases import KernelBench
from harness.stats.energy import joules
from harness.values.case import Case, Implementation
from harness.values.energy import EnergyWindow
from harness.values.measurement import Measurement, Status
from harness.values.suite import Timing
from harness.worker.messages import Measured, Started
from tests.measure.planted_power import PlantedPower

ADD = Case(
    "kernel", "baseline", "float32", {"tokens": 1}, "residual_add", "mixer", dims={"hidden": 64, "tokens": 1},
    answer=Implementation("torch_ops"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WARM_S": 0.05, "WINDOW_S": 0.1, "WINDOWS": 4, "IDLE_S": 0.2}.items():
        monkeypatch.setattr(energy, name, value)
    monkeypatch.setattr(energy_ticks, "STUCK_S", 0.2)


def test_planted_power_is_found_to_within_the_stated_resolution() -> None:
    """Idle and busy, and the net energy from both. A unit's share of a run is its share of the run's time."""
    power = PlantedPower(idle_w=80.0, busy_w=500.0)
    meter = EnergyMeter(FakeDevice(joules=power.joules), process=3)
    windows = meter.windows(power.work, units=10)
    assert len(windows) == 4 and {window.process for window in windows} == {3}
    for window in windows:
        assert window.joules / window.seconds == pytest.approx(500.0, rel=window.resolution + 1e-6)
        assert window.seconds >= 0.1 - power.tick_s
        assert window.idle_w == pytest.approx(80.0, rel=0.5)
        assert window.net_j == pytest.approx(window.gross_j - window.idle_w * window.seconds / window.units)
    assert meter.tick_s >= power.tick_s * 0.5


def test_a_window_ends_where_the_counter_moves_and_not_where_the_clock_does() -> None:
    """With steps of 60 ms a window of 0.1 s has whole steps of energy: cut anywhere it would be off by up to 60 %."""
    power = PlantedPower(idle_w=100.0, busy_w=100.0, tick_s=0.06)
    windows = EnergyMeter(FakeDevice(joules=power.joules)).windows(power.work, 1)
    for window in windows:
        steps = window.joules / (100.0 * power.tick_s)
        assert steps == pytest.approx(round(steps), abs=1e-6)


def test_no_counter_and_one_that_stands_still_say_so() -> None:
    """In words, for the row; nothing is run for it."""

    def run() -> None:
        raise AssertionError("it ran")

    with pytest.raises(EnergyUnknown, match="fake has no energy counter"):
        EnergyMeter(FakeDevice()).windows(run, 1)
    with pytest.raises(EnergyUnknown, match=r"did not move in 0\.2 s"):
        EnergyMeter(FakeDevice(joules=lambda: 17.0)).windows(run, 1)


def test_what_the_work_raises_is_raised_and_nobody_goes_on_reading() -> None:
    power = PlantedPower(80.0, 500.0)

    def run() -> None:
        power.work()
        raise ValueError("no such tile")

    before = threading.active_count()
    with pytest.raises(ValueError, match="no such tile"):
        EnergyMeter(FakeDevice(joules=power.joules)).windows(run, 1)
    assert threading.active_count() == before


def test_power_that_still_rises_is_not_steady() -> None:
    def ticks(watts: list[float]) -> list[Tick]:
        found = [Tick(0.0, 0.0, 0.0)]
        for power_w in watts:
            found.append(Tick(found[-1].at_s + 1.0, found[-1].joules + power_w, 0.0))
        return found

    assert is_steady(ticks([600.0] * 10))
    assert is_steady(ticks([600.0, 603.0] * 5))
    assert not is_steady(ticks([600.0 + 2 * second for second in range(10)]))


@given(
    lasting=st.lists(st.floats(1e-3, 10.0), min_size=1, max_size=20),
    shares=st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=20),
)
def test_work_is_counted_by_its_share_of_a_run(lasting: list[float], shares: list[float]) -> None:
    """Every run whole, each in proportion to the time that it had; more time is never less work."""
    ends_s = [0.0]
    for run_s in lasting:
        ends_s.append(ends_s[-1] + run_s)
    for number, end_s in enumerate(ends_s[1:], 1):
        assert units_done(ends_s, end_s) == pytest.approx(number)
    moments = sorted(share * ends_s[-1] for share in shares)
    done = [units_done(ends_s, at_s) for at_s in moments]
    assert done == sorted(done) and done[-1] <= len(lasting) + 1e-9


def test_joules_of_several_processes_have_the_interval_between_them() -> None:
    def of(*windows: tuple[int, float]) -> Measurement:
        found = [EnergyWindow(joules, 1.0, 100.0, process, 0.002, 0.1, 80.0) for process, joules in windows]
        return Measurement(ADD, Status.OK, energy=tuple(found))

    found = joules(of(*((process, 500.0 + process) for process in range(5) for _ in range(10))))
    assert found is not None and (found.level, found.n) == ("process", 5)
    assert found.value == pytest.approx(5.02, rel=1e-4) and found.low < 5.02 < found.high
    net = joules(of(*[(0, 500.0)] * 10), net=True)
    assert net is not None and (net.level, net.n, net.value) == ("round", 10, pytest.approx(4.2))
    assert joules(of()) is None


def measured(device: FakeDevice | CpuDevice, folder: Path, wanted: bool = True) -> tuple[list[str], Measurement]:
    timing = Timing(rounds=1)
    events = list(KernelBench(device, timing, 0, str(folder), "uniform", energy=wanted).run([ADD]))
    (found,) = (event.measurement for event in events if isinstance(event, Measured))
    return [event.what for event in events if isinstance(event, Started)], found


def test_a_kernel_case_has_its_energy_where_it_was_asked_for(tmp_path: Path) -> None:
    """Units are calls; the calls that took the energy are checked with those that were timed."""
    power = PlantedPower(80.0, 500.0)
    steps, found = measured(FakeDevice([1.0] * 9, rounds=1, joules=power.joules), tmp_path)
    assert steps == ["verify", "capture", "time", "energy"]
    assert found.status is Status.OK and len(found.energy) == 4 and found.no_energy == ""
    assert all(window.units > 0 and window.joules > 0 for window in found.energy)
    assert found.correctness is not None and found.correctness.rechecked_calls > 0
    steps, found = measured(FakeDevice([1.0] * 9, rounds=1, joules=power.joules), tmp_path, wanted=False)
    assert "energy" not in steps and found.energy == () and found.no_energy == ""


def test_a_cpu_says_that_it_has_no_counter(tmp_path: Path) -> None:
    _, found = measured(CpuDevice(), tmp_path)
    assert found.status is Status.OK and found.samples and found.energy == ()
    assert found.no_energy.endswith("has no energy counter")
