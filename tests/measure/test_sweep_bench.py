"""The device side of a sweep, in this process and by a scripted clock: what is verified, sampled, given up and kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.device.device import Stopwatch
from harness.device.fake import FakeDevice
from harness.measure import sweep_bench
from harness.measure.sweep_bench import SweepBench
from harness.values.measurement import Measurement, Status
from harness.values.sweep import Entrant
from tests.kernels.catalogue import case_of

VARIANT = """
import ctypes

def run(x, y, *, block: int = 1, fault: str = "none"):
    if fault == "raises":
        raise ValueError("tile too large")
    if fault == "strays":
        ctypes.memset(y.data_ptr() + y.nbytes, 0, 4)
        return x + y
    return x + y if fault == "none" else x - y
"""
DIMS = {"tokens": 2, "hidden": 64}


class Device(FakeDevice):
    """Scripted samples; nobody counts how long it was busy."""

    @contextmanager
    def stopwatch(self) -> Iterator[Stopwatch]:
        yield Stopwatch()


def entrant(copy: int = 0, **tunables: Any) -> Entrant:
    case = case_of("residual_add", "./mine.py", DIMS, "float32", tunables)
    return Entrant(msgspec.structs.replace(case, tunables_in_id=True), copy)


def bench(folder: Path, *values_us: float) -> SweepBench:
    (folder / "mine.py").write_text(VARIANT)
    return SweepBench(Device(values_us), None, 3, str(folder), "uniform")


def values(found: Measurement) -> list[float]:
    return [sample.value_us for sample in found.samples]


def test_a_first_pass_takes_five_samples_and_two_of_what_is_hopeless(tmp_path: Path) -> None:
    """More than half above the best; one that is 40 % above may still win and is sampled in full."""
    asked = [entrant(block=block) for block in (1, 2, 3)]
    found = bench(tmp_path, 10, 11, 10, 9, 10, 16, 17, 14, 14, 14, 14, 14).measure(asked, 0)
    assert [values(one) for one in found] == [[10, 11, 10, 9, 10], [16, 17], 5 * [14]]
    assert {sample.process for one in found for sample in one.samples} == {3}
    assert all(one.status is Status.OK and one.correctness and one.correctness.correct for one in found)


def test_rounds_take_one_sample_of_each_and_the_mean_of_short_ones(tmp_path: Path) -> None:
    """A sample is of two calls here. 600 us are 1.2 ms, long enough; of 200 us it takes two after one to know."""
    one, other = entrant(block=1), entrant(block=2)
    tested = bench(tmp_path, 600, 601, 602, 603)
    assert values(tested.measure([one], 3)[0]) == [601, 602, 603]
    tested = bench(tmp_path, 200, 200, 203, 206)
    assert values(tested.measure([other], 1)[0]) == [201.5]


def test_what_is_wrong_or_raises_is_named_and_never_timed(tmp_path: Path) -> None:
    """The others are, and each stands where it was asked for."""
    asked = [entrant(fault="wrong"), entrant(), entrant(fault="raises"), entrant(fault="strays")]
    wrong, fine, raised, strays = bench(tmp_path, 1, 2, 3, 4, 5).measure(asked, 0)
    assert strays.status is Status.INCORRECT and "writes outside of y: 1 element after its end" in strays.reason
    assert wrong.status is Status.INCORRECT and not wrong.samples
    assert raised.status is Status.FAILED and "tile too large" in raised.reason and not raised.samples
    assert values(fine) == [1, 2, 3, 4, 5]


def test_what_is_ready_is_captured_once_and_a_copy_by_itself(tmp_path: Path) -> None:
    tested = bench(tmp_path, *range(1, 16))
    tested.prepare([entrant()])
    tested.measure([entrant()], 0)
    tested.measure([entrant()], 0)
    assert tested.device.timer().prepared == 1  # type: ignore[attr-defined]
    tested.measure([entrant(copy=1)], 0)
    assert tested.device.timer().prepared == 2  # type: ignore[attr-defined]


def test_the_oldest_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that is ready holds its graph: of two places the third takes that of the first."""
    monkeypatch.setattr(sweep_bench, "MOST_READY", 2)
    tested = bench(tmp_path)
    for block in (1, 2, 1, 3, 1, 2):
        tested.prepare([entrant(block=block)])
    assert tested.device.timer().prepared == 4  # type: ignore[attr-defined]
