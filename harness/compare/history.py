"""A case over stored runs and commits: each run's value with its interval, and where the conditions changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

from harness.compare.comparable import environment_differences, suite_differences
from harness.compare.join import PlannedCase, planned_cases
from harness.plan.match import matches
from harness.stats.estimate import estimate_of
from harness.values.case import Case
from harness.values.difference import Difference
from harness.values.environment import REFUSED_WHEN_DIFFERENT, Environment
from harness.values.estimate import Estimate
from harness.values.run import Run, SuiteFacts


class Moment(msgspec.Struct, frozen=True):
    """A case in one run. tree: what a comparison measured, empty for other runs. status: of `Status`, or of
    `Unmeasured`; time: None where that is not OK. changed: conditions, tunables and sizes that are not those of the
    moment with a time before: where there are any, the two may not be compared. code: against that moment's, proved by
    all that both were seen to read, or empty where it is not; files: those that differ. machine: where it ran;
    conditions: a hash of all that must be the same for two values to be compared."""

    run: str
    started: str
    commit: str
    status: str
    reason: str = ""
    time: Estimate | None = None
    answer: str = ""
    tree: str = ""
    changed: tuple[str, ...] = ()
    code: Literal["", "same", "changed", "asked otherwise"] = ""
    files: tuple[str, ...] = ()
    machine: str = ""
    conditions: str = ""


class Code(NamedTuple):
    """`code` and `files` of a moment."""

    code: Literal["", "same", "changed", "asked otherwise"] = ""
    files: tuple[str, ...] = ()


class CaseHistory(msgspec.Struct, frozen=True):
    """Oldest first. A case's id means one question in one suite."""

    case: str
    suite: str
    unit: str
    moments: tuple[Moment, ...]


class _Last(msgspec.Struct):
    """Of a case, the last moment that has a time."""

    environment: Environment | None
    suite: SuiteFacts | None
    planned: PlannedCase


def history(runs: Iterable[Run], match: str) -> tuple[tuple[CaseHistory, ...], tuple[str, ...]]:
    """The cases that `match` means, in each of the runs, oldest first; and the ids of all cases, for what to say where
    it means none. Holds one run at a time."""
    found: dict[tuple[str, str], list[Moment]] = {}
    last: dict[tuple[str, str], _Last] = {}
    units: dict[tuple[str, str], str] = {}
    ids: dict[str, None] = {}
    for run in runs:
        for planned in planned_cases(run):
            case = planned.case
            ids[case.id] = None
            if matches(match, case.id):
                key = run.suite, case.id
                units[key] = case.unit
                moment, now = _moment(run, planned, last.get(key))
                found.setdefault(key, []).append(moment)
                if moment.time is not None:
                    last[key] = now
    histories = (CaseHistory(case, suite, units[suite, case], tuple(m)) for (suite, case), m in found.items())
    return tuple(histories), tuple(ids)


def _moment(run: Run, planned: PlannedCase, last: _Last | None) -> tuple[Moment, _Last]:
    case, measurement = planned.case, planned.measurement
    time = estimate_of(run, measurement) if measurement else None
    changed: tuple[str, ...] = ()
    code = Code()
    if last is not None and time is not None:
        code = _code(last.planned, planned)
        changed = (
            *conditions(last.environment, run.environment),
            *(difference.words for difference in suite_differences(last.suite, run.suite_facts)),
            *_sizes(last.planned.case.dims, case.dims),
        )
    seen = (measurement.status.value, measurement.reason) if measurement else run.unmeasured(case)[:2]
    moment = Moment(
        run.id, run.started, (run.environment.commit if run.environment else None) or "",
        *seen, time,
        case.answer.label if case.answer else "", run.pairing.tree.words if run.pairing else "", changed, *code,
        run.environment.machine if run.environment else "", _conditions_key(run, case),
    )  # fmt: skip
    return moment, _Last(run.environment, run.suite_facts, planned)


def _code(before: PlannedCase, after: PlannedCase) -> Code:
    """What is proved of two moments of a case."""
    if before.closure is None or after.closure is None:
        return Code()
    files = before.closure.differences(after.closure)
    if files:
        return Code("changed", files)
    alike = before.asked_as(after)
    if alike is None or not before.closure.proves_same(after.closure):
        return Code()
    return Code("same" if alike else "asked otherwise")


def conditions(before: Environment | None, after: Environment | None) -> tuple[str, ...]:
    """Those that forbid a comparison where they are not the same, in words."""
    if before is None or after is None:
        return () if before is after else ("environment",)
    return tuple(difference.words for difference in environment_differences(before, after))


def _conditions_key(run: Run, case: Case) -> str:
    environment = run.environment
    fields = [getattr(environment, name) for name in REFUSED_WHEN_DIFFERENT] if environment else []
    said = msgspec.json.encode([fields, run.suite_facts, sorted(case.dims.items())], order="sorted")
    return hashlib.sha256(said).hexdigest()[:12]


def _sizes(before: dict[str, int], after: dict[str, int]) -> tuple[str, ...]:
    changed = [name for name in after if before.get(name, after[name]) != after[name]]
    return tuple(Difference(f"size {name}", str(before[name]), str(after[name])).words for name in changed)
