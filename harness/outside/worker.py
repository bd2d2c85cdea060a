"""A worker that answers a stage of a run by programs outside: no process of this program stands between.

It does the work of `harness.worker.device_worker.DeviceWorker`, with the same messages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import msgspec

from harness.device.energy_ticks import EnergyUnknown
from harness.errors import CaseFailed
from harness.outside.conditions import ConditionsWatch
from harness.outside.energy import OutsideEnergy, counter_for
from harness.outside.engine import Found, Measuring, TimedOut, opened
from harness.outside.place import environment_of
from harness.values.case import Case
from harness.values.energy import EnergyWindow
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Sample, Status
from harness.worker.messages import Hello, Measured, Ran, Sampled, StageEvent, StageJob, Started, cases_of


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
        self.energy: OutsideEnergy | None = None
        self.no_energy = ""

    def events(self) -> Iterator[StageEvent]:
        left = list(self.cases)
        yield Started("make it ready", tuple(case.id for case in left))
        if self.job.energy and not self.job.verify_only:
            self._find_counter()
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
        rounds, windows = list[Found](), list[EnergyWindow]()
        try:
            with watch:
                for _ in range(1 if check else self._rounds):
                    rounds.append(self._round(measuring, cases[0], check, windows))
        except CaseFailed as error:
            yield from _lost(cases, error)
            return
        if watch.conditions:
            yield Sampled(tuple(watch.conditions))
        for case in cases:
            measured = _measurement(case, rounds, self.job.process, check)
            if self.no_energy:
                measured = msgspec.structs.replace(measured, no_energy=self.no_energy)
            elif windows and rounds[0].work and case.op == rounds[0].work[0] and measured.samples:
                measured = msgspec.structs.replace(measured, energy=tuple(windows))
            yield Measured(measured)

    def _find_counter(self) -> None:
        """Before anything of the arm runs: then all that computes on the GPU is somebody else's, except for a server
        that the user runs."""
        is_ours = self.engine.http is None or bool(self.engine.http.start)
        self.energy = self._known(lambda: counter_for(self.environment.device_uuid, self.job.process, alone=is_ours))

    def _round(self, measuring: Measuring, case: Case, check: bool, windows: list[EnergyWindow]) -> Found:
        """One round, between two ticks of the energy counter where there is one. Without one it is as good."""
        if self.energy is not None:
            self._known(self.energy.begin)
        found = measuring.measure(case.axes, check)
        if self.energy is not None and found.work:
            window = self._known(partial(self.energy.end, found.work[1]))
            windows += [window] if window else []
        return found

    def _known(self, ask: Callable[[], Any]) -> Any:
        """The answer; None, with the reason kept, where the energy is unknown."""
        try:
            return ask()
        except EnergyUnknown as error:
            self.energy, self.no_energy = None, str(error)
            return None

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
