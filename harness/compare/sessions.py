"""Joins several sessions of pairs of the same two sides, so that the pairs measured before a kill count."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.compare.sides import StoredSide
from harness.store.merge import merge_measurements
from harness.values.measurement import Measurement
from harness.values.run import Run

Sides = tuple[StoredSide, StoredSide]


def as_one(sessions: Sequence[Sides]) -> Sides:
    """Base and head with the pairs of all sessions, in their order; the rest is the first one's. A session stopped in
    the middle of a pair has a process without its other half, which is no pair here either."""
    if len(sessions) == 1:
        return sessions[0]
    base, head = ([session[side].run for session in sessions] for side in (0, 1))
    offsets, at = [], 0
    for runs in zip(base, head, strict=True):
        offsets.append(at)
        at += max((slot.process for run in runs for slot in run.slots), default=0)
    return (
        StoredSide(_one(base, offsets), sessions[0][0].arm), StoredSide(_one(head, offsets), sessions[0][1].arm),
    )  # fmt: skip


def _one(runs: Sequence[Run], offsets: Sequence[int]) -> Run:
    measurements = [_moved(m, at) for run, at in zip(runs, offsets, strict=True) for m in run.measurements]
    order = {case.id: place for place, case in enumerate(runs[0].planned)}
    slots = [
        msgspec.structs.replace(slot, process=slot.process + at)
        for run, at in zip(runs, offsets, strict=True)
        for slot in run.slots
        if slot.process or not at  # one check is enough
    ]
    return msgspec.structs.replace(
        runs[0], measurements=merge_measurements(measurements, order), slots=tuple(slots), state="complete"
    )


def _moved(measurement: Measurement, by: int) -> Measurement:
    samples = tuple(msgspec.structs.replace(s, process=s.process + by) for s in measurement.samples)
    return msgspec.structs.replace(measurement, samples=samples)
