"""What the parent's clock says of a window of calls, and of the samples of the same calls."""

from __future__ import annotations

import os
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.values.case import Case
from harness.values.measurement import Measurement, Sample, Status
from harness.worker.clock import LEAST_SHARE, LONGEST_US, MOST_WINDOWS, OVERHEAD_US, Now, ParentClock, Reading
from harness.worker.messages import Measured, WindowBegins, WindowEnds

CASE = Case("kernel", "a", "int4", {})


def reading(claimed_us: float, wall_us: float, threads: int | None = 1, **more: float) -> Reading:
    return Reading(WindowEnds(CASE.id, 1000, claimed_us, 20.0, threads), wall_us, **more)


@given(st.floats(1e3, 1e6), st.floats(0.0, 1.0), st.floats(0.0, 9_000.0))
def test_a_clock_that_runs_as_the_parents_does_agrees(window_us: float, late: float, waited_us: float) -> None:
    """However late the parent is within the overhead, and for as long as either process waited for a core."""
    wall_us = window_us + late * OVERHEAD_US + waited_us
    assert reading(window_us, wall_us, waited_us=waited_us).apart == ""


@given(st.floats(20e3, 1e6), st.floats(1.2, 1e6))
def test_a_clock_that_runs_slower_or_faster_than_the_parents_is_told(window_us: float, factor: float) -> None:
    """By a fifth and more, in a window of 20 ms."""
    assert f"1,000 calls took {window_us / factor:,.0f} us by the clock" in reading(window_us / factor, window_us).apart
    assert reading(window_us * factor, window_us).apart


@given(st.floats(1.0, 1e4))
def test_samples_that_take_less_than_the_calls_are_told(call_us: float) -> None:
    """Also where the window's own clock was honest; by the processor time, whoever else had the cores."""
    wall_us = 1000 * call_us + OVERHEAD_US
    alone = reading(1000 * call_us, wall_us, processor_us=wall_us)
    assert alone.too_fast(0.49 * call_us) and not alone.too_fast(0.51 * call_us)
    on_a_gpu = reading(1000 * call_us, wall_us, None)
    assert on_a_gpu.too_fast(0.69 * call_us) and not on_a_gpu.too_fast(0.71 * call_us)
    beside_others = reading(3000 * call_us, 3 * wall_us, processor_us=wall_us)
    assert not beside_others.too_fast(0.51 * call_us), "the samples were taken before the others came"
    of_four_threads = reading(1000 * call_us, wall_us, 4, processor_us=4 * wall_us)
    assert of_four_threads.too_fast(0.49 * call_us)
    assert LEAST_SHARE == {"gpu": 0.7, "cpu": 0.5}


def answered(parent: ParentClock, seconds: float, claimed_us: float, median_us: float = 20.0) -> bool:
    parent.answer(WindowBegins(CASE.id))
    time.sleep(seconds)
    return parent.answer(WindowEnds(CASE.id, 1000, claimed_us, median_us, None)).again


def judged(parent: ParentClock, value_us: float) -> Measurement:
    found = parent.judged(Measured(Measurement(CASE, Status.OK, samples=(Sample(value_us, 0, 0),))))
    assert isinstance(found, Measured)
    return found.measurement


def test_a_measurement_that_its_windows_contradict_is_invalid() -> None:
    parent = ParentClock(os.getpid(), [CASE.id])
    assert [answered(parent, 0.02, 2_000.0) for _ in range(MOST_WINDOWS)] == [True] * 4 + [False]
    found = judged(parent, 20.0)
    assert found.status is Status.INVALID and not found.samples
    assert "1,000 calls took 2,000 us by the clock of the kernel's process" in found.reason


@pytest.mark.parametrize(
    ("first_ns", "windows"), [(100_000_000, 4), (10_000_000, 5), (4_000_000, 5), (9_000_000_000, 2)]
)
def test_no_window_follows_a_long_one_that_contradicts(
    monkeypatch: pytest.MonkeyPatch, first_ns: int, windows: int
) -> None:
    """Windows that take ten times as long as their process says end with the first of 2.56 s. Before it there is
    another one, whatever the first one's length."""
    now_ns, parent, made = [0], ParentClock(os.getpid(), [CASE.id]), 0
    monkeypatch.setattr(Now, "read", lambda pid: Now(now_ns[0], None, 0))
    again = True
    while again:
        length_ns = first_ns * 4**made
        parent.answer(WindowBegins(CASE.id))
        now_ns[0] += length_ns
        again = parent.answer(WindowEnds(CASE.id, 1000, length_ns / 1e4, 20.0, None)).again
        made += 1
    assert made == windows and (made == MOST_WINDOWS or length_ns / 1e3 >= LONGEST_US)
    assert judged(parent, 20.0).status is Status.INVALID


def test_one_window_that_agrees_is_enough_and_samples_are_held_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The medians that the worker says with its windows decide whether it makes another; those of the samples that
    come are judged."""
    times_ns = iter([0, 20_300_000])
    monkeypatch.setattr(Now, "read", lambda pid: Now(next(times_ns), None, 0))
    parent = ParentClock(os.getpid(), [CASE.id])
    assert not answered(parent, 0.0, 20_000.0)
    assert judged(parent, 20.0).status is Status.OK
    found = judged(parent, 2.0)
    assert found.status is Status.INVALID
    assert "samples of 2 us, but by the parent's clock a call takes 19.3 us" in found.reason


def test_a_case_without_a_window_is_invalid_where_one_was_wanted() -> None:
    assert "no window" in judged(ParentClock(os.getpid(), [CASE.id]), 20.0).reason
    assert judged(ParentClock(os.getpid(), []), 20.0).status is Status.OK
    wrong = Measurement(CASE, Status.INCORRECT, "wrong")
    assert ParentClock(os.getpid(), [CASE.id]).judged(Measured(wrong)) == Measured(wrong)


def test_an_end_without_its_beginning_says_nothing() -> None:
    parent = ParentClock(os.getpid(), [CASE.id])
    parent.answer(WindowBegins("another"))
    parent.answer(WindowEnds(CASE.id, 1000, 1.0, 20.0, None))
    assert "no window" in judged(parent, 20.0).reason


def test_the_system_counts_processor_time_and_waiting() -> None:
    before = Now.read(os.getpid())
    sum(range(300_000))
    after = Now.read(os.getpid())
    assert before.processor_ns is not None and after.processor_ns is not None
    assert after.processor_ns > before.processor_ns and after.waited_ns >= before.waited_ns
    assert Now.read(2**22 + 1).processor_ns is None, "a process that is gone"
    assert msgspec.structs.asdict(after).keys() == {"wall_ns", "processor_ns", "waited_ns"}
