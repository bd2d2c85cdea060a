"""The gate between samples and a measurement: every call right, the time possible, the judging code untouched."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from harness.device.device import Device
from harness.device.timer import WorkLeftRunning
from harness.measure.candidate import Rejected
from harness.measure.integrity import Watch
from harness.measure.ready import Ready
from harness.measure.window import time_from_outside
from harness.values.measurement import Measurement, Sample, Status
from harness.worker.clock import OuterClock


class Gate:
    """The gate of one process, made before any kernel is imported. clock: a clock outside of this process."""

    def __init__(self, device: Device, clock: OuterClock | None = None) -> None:
        self._device, self._clock = device, clock
        self._watch = Watch(device)
        self._chance = random.SystemRandom()

    def moments(self, rounds: int, samples_per_round: int) -> set[tuple[int, int]]:
        """Samples after which a batch is looked at: two, as (round, sample), drawn so that no kernel can know them."""
        every = [(number, sample) for number in range(rounds) for sample in range(samples_per_round)]
        return set(self._chance.sample(every, min(2, len(every))))

    def watch_more(self) -> None:
        """Watch the modules that were loaded since, before a kernel can change them."""
        self._watch.extend()

    def untouched(self, entry: Ready, whole: bool = False) -> Ready:
        """Return the entry. Raises Rejected where the code that times and judges changed since the last look. whole:
        see `Watch`."""
        changes = self._watch.changes(whole)
        if changes:
            raise entry.invalid("; ".join(changes))
        self._watch.extend()
        return entry

    def refused(self, rejected: Rejected) -> Measurement:
        """The measurement of a refused case. Changes that the case made on its way are undone and reported."""
        changes = self._watch.changes(whole=True)
        if not changes:
            return rejected.measurement
        reason = "; ".join(dict.fromkeys([*changes, rejected.measurement.reason]))
        return msgspec.structs.replace(rejected.measurement, status=Status.INVALID, reason=reason)

    def measured(
        self, entry: Ready, samples: Sequence[Sample], quick: bool = False, clocked: bool = False
    ) -> Measurement:
        """The measurement of a case after its samples.

        quick: keep the weights, and compare one call with the reference and the others with the kernel alone. clocked:
        also let the outside clock time the calls.
        """
        doing = "after it was timed: "
        try:
            with entry.candidate.rejecting_errors(self._device, doing):
                if clocked and self._clock is not None:
                    time_from_outside(self._clock, entry, samples, self._device)
                remembered = entry.remembered(samples, 1 if quick else 3)
                found = entry.batch.check(0, 0.0) if quick else entry.batch.check()
            self.untouched(entry.checked(found), whole=not quick).possible(samples, remembered, self._device)
            mistaken = "" if quick else entry.batch.mistaken()
            if mistaken:
                raise entry.invalid(mistaken)
        except (Rejected, WorkLeftRunning) as error:
            return self.stopped(entry, error)
        return entry.measurement(samples)

    def stopped(self, entry: Ready, error: Rejected | WorkLeftRunning) -> Measurement:
        """The measurement of a case whose samples do not count."""
        return self.refused(entry.invalid(str(error)) if isinstance(error, WorkLeftRunning) else error)
