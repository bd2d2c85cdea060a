"""Joules between two sides: judged as times are, gating where the suite says so, and never passed over in silence."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import pytest

from harness.compare import StoredSide, compare
from harness.compare.policy import Policy
from harness.errors import ExitStatus
from harness.values.energy import EnergyWindow
from harness.values.measurement import Measurement
from harness.values.reason import EnergyUnknown
from harness.values.verdict import CaseVerdict, Comparison, Verdict
from harness_reports.tables.comparison import verdicts
from tests.compare.paired_stored import noisy_pairs, two_sides
from tests.compare.stored_runs import kernel, measured, noisy, stored

GATES = Policy(gate=("energy",))


def with_joules(m: Measurement, joules: Sequence[float], first: int = 0) -> Measurement:
    """Three windows of each process, around its joules per call."""
    windows = tuple(
        EnergyWindow(value * factor * 1000, 1.0, 1000.0, first + process, 0.002, 0.1, 80.0)
        for process, value in enumerate(joules)
        for factor in (0.999, 1.0, 1.001)
    )
    return msgspec.structs.replace(m, energy=windows)


def two_runs(change: float, processes: int = 8) -> tuple[StoredSide, StoredSide]:
    """The same times; head takes that much more energy."""
    rng, sides = random.Random(3), []
    for side, joules in enumerate((0.006, 0.006 * (1 + change))):
        times = measured(kernel("a"), noisy(rng, 10.0, processes))
        made = with_joules(times, noisy(rng, joules, processes, spread=0.002))
        sides.append(StoredSide(stored(made, run_id=str(side + 1))))
    return sides[0], sides[1]


def of_energy(found: Comparison) -> CaseVerdict:
    (verdict,) = [v for v in found.verdicts if v.metric == "energy_j"]
    return verdict


@pytest.mark.parametrize(
    ("change", "verdict", "status"),
    [(0.05, Verdict.SLOWER, ExitStatus.REGRESSION), (0.0, Verdict.SAME, ExitStatus.OK),
     (-0.05, Verdict.FASTER, ExitStatus.OK)],
)  # fmt: skip
def test_more_joules_are_a_regression_where_energy_gates(change: float, verdict: Verdict, status: ExitStatus) -> None:
    """Values are joules per call; the time of the same case has a verdict of its own, which does not gate."""
    found = compare(*two_runs(change), GATES)
    energy = of_energy(found)
    assert energy.verdict is verdict and energy.gated and found.exit_status is status
    assert energy.base == pytest.approx(0.006, rel=0.01)
    assert energy.ratio is not None and energy.ratio.value == pytest.approx(1 + change, rel=0.01)
    (time,) = [v for v in found.verdicts if v.is_time]
    assert time.verdict is Verdict.SAME and not time.gated
    assert compare(*two_runs(change)).exit_status in (ExitStatus.OK, status)
    assert not of_energy(compare(*two_runs(change), Policy(gate=("int4_mm",)))).gated


def test_pairs_are_judged_by_their_joules_too() -> None:
    """Disturbed pairs do not count for the energy either."""
    rng = random.Random(5)
    sides = two_sides({"a": noisy_pairs(rng, 10.0)}, disturbed={2: "another program computed"})
    joules = noisy_pairs(rng, 0.006, change=0.05, spread=0.002)
    joules[1][1] *= 3  # of process 2
    changed = []
    for side, values in zip(sides, joules, strict=True):
        measurements = tuple(with_joules(m, values, first=1) for m in side.run.measurements)
        changed.append(StoredSide(msgspec.structs.replace(side.run, measurements=measurements)))
    energy = of_energy(compare(*changed, GATES))
    assert energy.verdict is Verdict.SLOWER and energy.ratio is not None
    assert energy.ratio.level == "pair" and energy.ratio.value == pytest.approx(1.05, rel=0.01)


def test_energy_that_gates_and_is_not_known_does_not_pass() -> None:
    """It is UNDECIDED with the reason; where it does not gate nothing is said."""
    base, head = two_runs(0.0)
    (m,) = head.run.measurements
    without = msgspec.structs.replace(m, energy=(), no_energy="a CPU has no energy counter")
    side = StoredSide(msgspec.structs.replace(head.run, measurements=(without,)))
    found = compare(base, side, GATES)
    assert of_energy(found).reason == EnergyUnknown("", "a CPU has no energy counter")
    assert of_energy(found).verdict is Verdict.UNDECIDED and found.exit_status is ExitStatus.UNDECIDED
    assert of_energy(found).words == "head: a CPU has no energy counter"
    assert [v.metric for v in compare(base, side).verdicts] == ["kernel_us"]


def test_too_few_processes_give_no_verdict() -> None:
    energy = of_energy(compare(*two_runs(0.05, processes=2), GATES))
    assert energy.verdict is Verdict.UNDECIDED and energy.needed == 4


def test_a_table_shows_millijoules_and_says_more_or_less() -> None:
    table = verdicts(compare(*two_runs(0.05), GATES)).pick("base unit ratio")
    shown = [[getattr(cell, "text", "") for cell in row.cells] for row in table.rows]
    (energy,) = [cells for cells in shown if cells[1] == "mJ"]
    assert energy[0] == "6.00" and "1.05" in energy[2] and "more [" in energy[2]
