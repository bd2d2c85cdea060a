"""`harness calibrate` says what it found: noise, the effect of the order, lasting offsets."""

from __future__ import annotations

import numpy as np

from harness.values.pairing import Noise
from harness_reports.pages.calibration import summary
from harness_reports.table import Number
from harness_reports.tables.noise import noise
from tests.compare.noise import Machine, Offsets, common_offsets, independent, own_offsets, second_slower, together

QUIET = independent(0.002)


def calibrated(order: float = 0.0, offsets: Offsets | None = None, worktrees: int = 6) -> Noise:
    machine = Machine(QUIET, together(QUIET, second_slower(order)), offsets, worktrees)
    return machine.noise(np.random.default_rng(3), 1, 20)[0]


def words(found: Noise) -> str:
    return summary(found, "NVIDIA H100")


def test_an_effect_of_the_order_is_said() -> None:
    """The second process is 1 % slower: within a tenth of a percent, with an error below it."""
    line = next(line for line in words(calibrated(0.01)).splitlines() if line.startswith("second process"))
    value, error = line.split(": ")[1].split(" % over")[0].split(" ± ")
    assert abs(float(value) - 1) < 0.1 and 0 < float(error) < 0.1
    assert "-0.0" in words(calibrated()) or "+0.0" in words(calibrated())


def test_lasting_offsets_are_said_with_the_case_that_has_the_largest() -> None:
    own = words(calibrated(offsets=own_offsets(0.03, cases_touched=1)))
    assert "by itself: up to " in own and own.partition("by itself")[2].partition("\n")[0].endswith("% (0)")
    common = words(calibrated(offsets=common_offsets(0.02)))
    assert "in all cases alike: none" not in common and "by itself: none that was shown" in common
    none = words(calibrated())
    assert "in all cases alike: none that chance would not give as well" in none
    few = words(calibrated(worktrees=4)), calibrated(worktrees=4).worktree_pairs
    assert "unknown" not in few[0] and few[1] == 4


def test_the_table_has_the_order_and_the_own_offset_of_each_case() -> None:
    table = noise(calibrated(0.01, own_offsets(0.03, cases_touched=1)))
    keys = [column.key for column in table.columns]
    order, offset = ([row.cells[keys.index(key)] for row in table.rows] for key in ("order", "offset"))
    assert all(isinstance(cell, Number) and 0.5 < cell.value < 1.5 for cell in order)
    assert isinstance(offset[0], Number) and offset[0].value > 1
