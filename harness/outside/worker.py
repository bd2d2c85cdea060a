"""A worker that answers a stage of a run by programs outside: no process of this program stands between.

It does the work of `harness.worker.device_worker.DeviceWorker`, with the same messages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import msgspec

from harness.errors import CaseFailed
from harness.outside.conditions import ConditionsWatch
from harness.outside.engine import Found, Measuring, TimedOut, opened
from harness.outside.place import environment_of
from harness.values.case import Case
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Sample, Status
from harness.worker.messages import Hello, Measured, Ran, Sampled, StageEvent, StageJob, Started, cases_of

NO_ENERGY = "the joules of external programs are not measured"


class OutsideWorker:
    """One turn of measuring."""

    has_begun = False
    """It holds no device between two programs."""

    def __init__(self) -> None:
        self._hello: Hello | None = None

    def wake(self, limit_s: float | None = None) -> None:
        """Do nothing: there is nothing to import."""

    def hello(self, folder: Path, limit_s: float | None = None, sniff: bool = False) -> Hello:
        """The environment in which programs of the suite's folder run."""
        self._hello = self._hello or Hello(environment_of(folder))
        return self._hello

    def ask(self, job: StageJob, kind: Any, limit_s: float | None = None) -> Iterator[StageEvent]:
        """The events of a stage. Each case is reported as soon as it is measured, so that the end of the others loses
        none of these. limit_s: has no effect here, each engine has limits of its own."""
        assert self._hello is not None
        cases = cases_of(job.stage, job.plan)
        done = 0
        for arm, of_arm in groupby(cases, key=lambda case: case.arm):
            for event in _Arm(job, list(of_arm), self._hello.environment).events():
                if isinstance(event, Started):
                    yield msgspec.structs.replace(event, what=f"{arm}: {event.what}", done=done, of=len(cases))
                    continue
                done += isinstance(event, Measured)
                yield event
        yield Ran(())

    def finish(self) -> None:
        pass

    def stderr(self) -> str:
        return ""

    def kill(self) -> None:
        """Do nothing: its programs end with their job."""

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _Arm:
    """The cases of one arm, whose engine is made ready once for all of them."""

    def __init__(self, job: StageJob, cases: Sequence[Case], environment: Environment) -> None:
        self.job, self.cases, self.environment = job, cases, environment
        self.folder = job.plan.suite.folder
        self.engine = job.plan.suite.outside[cases[0].arm]

    def events(self) -> Iterator[StageEvent]:
        left = list(self.cases)
        yield Started("make it ready", tuple(case.id for case in left))
        try:
            with opened(self.engine, self.folder) as measuring:
                for _, group in groupby(self.cases, key=lambda case: case.axes):
                    of_point = list(group)
                    yield Started(f"measure {of_point[0].question}", tuple(case.id for case in of_point))
                    for event in self._point(measuring, of_point):
                        if isinstance(event, Measured):
                            left.remove(event.measurement.case)
                        yield event
        except CaseFailed as error:
            yield from _lost(left, error)

    def _point(self, measuring: Measuring, cases: Sequence[Case]) -> Iterator[StageEvent]:
        """All figures of one point of the axes."""
        check = self.job.verify_only
        watch = ConditionsWatch(self.environment.device_uuid, self.job.process)
        rounds: list[Found] = []
        try:
            with watch:
                rounds.extend(measuring.measure(cases[0].axes, check) for _ in range(1 if check else self._rounds))
        except CaseFailed as error:
            yield from _lost(cases, error)
            return
        if watch.conditions:
            yield Sampled(tuple(watch.conditions))
        for case in cases:
            found = _measurement(case, rounds, self.job.process, check)
            yield Measured(msgspec.structs.replace(found, no_energy=NO_ENERGY) if self.job.energy else found)

    @property
    def _rounds(self) -> int:
        return self.job.rounds or 1


def _lost(cases: Collection[Case], error: CaseFailed) -> Iterator[Measured]:
    status = Status.TIMEOUT if isinstance(error, TimedOut) else Status.FAILED
    for case in list(cases):
        yield Measured(Measurement(case, status, str(error)))


def _measurement(case: Case, rounds: Sequence[Found], process: int, check: bool) -> Measurement:
    """A figure that one round lacks fails its case alone. check: the figure only has to be readable, and is no
    sample."""
    name, samples = str(case.op), []
    for number, found in enumerate(rounds):
        values = found.values[name]
        if isinstance(values, str):
            return Measurement(case, Status.FAILED, values)
        samples += [Sample(value, process, number) for value in values]
    last = rounds[-1]
    return Measurement(
        case, Status.OK, samples=() if check else tuple(samples), timer=last.timers[name],
        first_token_us=last.first_token_us, peak_memory_bytes=last.peak_memory_bytes, notes=last.notes,
    )  # fmt: skip
