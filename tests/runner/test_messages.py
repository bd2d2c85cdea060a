"""What a worker says arrives as it was said."""

from __future__ import annotations

import math

import pytest

from harness.lines import from_line, to_line
from harness.runner.messages import Done, FromWorker, Measured, Profiled, Started, Streamed
from harness.values.case import Answer, Case
from harness.values.measurement import Correctness, Measurement, Sample, Status
from harness.values.profile import Profile

CASE = Case(
    "kernel", "a\nb", "int4", {"tokens": 1}, op="int4_mm", answer=Answer("v", {"block": 8, "fast": True, "x": 0.1})
)


@pytest.mark.parametrize(
    "message",
    [
        Measured(Measurement(CASE, Status.OK, samples=(Sample(0.1 + 0.2, 0, 0),)), "def run(): ...\n"),
        Measured(Measurement(CASE, Status.INCORRECT, "NaN", Correctness(False, math.inf, math.inf, 1e-3, 1e-3, 7, 7))),
        Started("two\nlines", (CASE.id,), 0, 1),
        Profiled(Profile("cpu", *[2**53 + 1] * 8, (), ())),
        Streamed("batch=1", [[1, 2], [3, 4]]),
        Done(),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_is_one_line_and_loses_nothing(message: FromWorker) -> None:
    """An output with NaN has an infinite error; a name may hold a line break."""
    line = to_line(message)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert from_line(line, FromWorker) == message
