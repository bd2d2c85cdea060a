"""A case over stored runs and commits: each run's value with its interval, and where the conditions changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

from harness.compare.comparable import environment_differences, suite_differences
from harness.values.case import Case
from harness.values.difference import Difference
from harness.values.environment import Environment
from harness.values.estimate import Estimate
from harness.values.point import CaseCode, CasePoint, CaseSeries, PointContext


class Moment(msgspec.Struct, frozen=True):
    """A case in one run. status: of `Status`, or of `Unmeasured`. `time` is None where the status is not OK. tree: the
    one that a comparison measured; empty for other runs.

    `changed` names conditions, tunables and sizes that differ from the previous moment with a time; if there are any,
    the two may not be compared. `code` is the relation to the code at that moment, proved by all files that both were
    seen to read; empty where it is unproved. files: those that differ. machine: of the run. `conditions` is a hash of
    everything that must be the same for two values to be compared.
    """

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
    """One case on one machine, oldest first. A case's id means one question in one suite."""

    case: str
    suite: str
    unit: str
    moments: tuple[Moment, ...]


def history(points: Iterable[tuple[CaseSeries, CasePoint]]) -> tuple[CaseHistory, ...]:
    """Return the points of some series, oldest first, as a history for each series: two machines are two histories."""
    found: dict[tuple[str, ...], list[Moment]] = {}
    last: dict[tuple[str, ...], CasePoint] = {}
    cases: dict[tuple[str, ...], Case] = {}
    words = _Words()
    for series, point in points:
        key = series.suite, series.case.id, series.machine, series.identity
        cases.setdefault(key, series.case)
        found.setdefault(key, []).append(_moment(series, point, last.get(key), words))
        if point.time is not None:
            last[key] = point
    return tuple(CaseHistory(cases[key].id, key[0], cases[key].unit, tuple(moments)) for key, moments in found.items())


class _Words:
    """The differences between two contexts, computed once for each two that follow each other."""

    def __init__(self) -> None:
        self.found: dict[tuple[int, int], tuple[str, ...]] = {}
        self.keys: dict[int, str] = {}

    def changed(self, before: PointContext, after: PointContext) -> tuple[str, ...]:
        if before is after:
            return ()
        key = id(before), id(after)  # a store gives all points of a context the same object
        if key not in self.found:
            self.found[key] = changed_context(before, after)
        return self.found[key]

    def key(self, context: PointContext) -> str:
        if id(context) not in self.keys:
            self.keys[id(context)] = context.key
        return self.keys[id(context)]


def _moment(series: CaseSeries, point: CasePoint, last: CasePoint | None, words: _Words) -> Moment:
    changed: tuple[str, ...] = ()
    code = Code()
    if last is not None and point.time is not None:
        code = code_between(last.code, point.code, last.context.dims == point.context.dims)
        changed = words.changed(last.context, point.context)
    return Moment(
        point.run, point.started, point.commit, point.status, point.reason, point.time,
        point.code.answer.label if point.code.answer else "", point.tree, changed, *code,
        series.place, words.key(point.context),
    )  # fmt: skip


def changed_context(before: PointContext, after: PointContext) -> tuple[str, ...]:
    """All reasons, in words, why two points may not be compared."""
    return (
        *conditions(before.environment, after.environment),
        *(difference.words for difference in suite_differences(before.suite, after.suite)),
        *_sizes(before.dims, after.dims),
    )


def code_between(before: CaseCode, after: CaseCode, same_dims: bool = True) -> Code:
    """The proven relation between the code of two points of a case."""
    if before.closure is None or after.closure is None:
        return Code()
    if before.closure is not after.closure and (files := before.closure.differences(after.closure)):
        return Code("changed", files)
    alike = asked_alike(before, after, same_dims)
    if alike is None or not before.closure.proves_same(after.closure):
        return Code()
    return Code("same" if alike else "asked otherwise")


def asked_alike(before: CaseCode, after: CaseCode, same_dims: bool = True) -> bool | None:
    """Whether both have the same sizes, tunables and weights; None where that is unknown."""
    if before.asked and after.asked:
        return before.asked == after.asked
    if before.answer is None:
        return None
    return before.answer == after.answer and same_dims


def conditions(before: Environment | None, after: Environment | None) -> tuple[str, ...]:
    """The differing conditions that forbid a comparison, in words."""
    if before is None or after is None:
        return () if before is after else ("environment",)
    return tuple(difference.words for difference in environment_differences(before, after))


def _sizes(before: dict[str, int], after: dict[str, int]) -> tuple[str, ...]:
    changed = [name for name in after if before.get(name, after[name]) != after[name]]
    return tuple(Difference(f"size {name}", str(before[name]), str(after[name])).words for name in changed)
