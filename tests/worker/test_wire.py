"""What a worker says arrives as it was said."""

from __future__ import annotations

import math
from typing import Any

import pytest

from harness.values.case import Case, Implementation
from harness.values.measurement import Correctness, Measurement, Sample, Status
from harness.values.profile import Profile
from harness.worker.messages import Done, Measured, Profiled, StageEvent, Started, Streamed
from harness.worker.wire import wire_pair

CASE = Case(
    "kernel",
    "a\nb",
    "int4",
    {"tokens": 1},
    op="int4_mm",
    answer=Implementation("v", {"block": 8, "fast": True, "x": 0.1}),
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
def test_a_message_loses_nothing(message: Any) -> None:
    """An output with NaN has an infinite error; a name may hold a line break."""
    ours, theirs = wire_pair()
    theirs.send(message)
    assert ours.receive(StageEvent | Done) == message
    theirs.close()
    with pytest.raises(EOFError):
        ours.receive(Done)
    ours.close()
