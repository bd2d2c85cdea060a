"""The reason of a verdict: values with their figures, and in one place, `reason_words`, their sentences."""

from __future__ import annotations

import msgspec

from harness.values.measurement import Status


class _Reason(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """A reason. Its JSON carries the class name under `kind`."""


class Undetermined(_Reason, frozen=True):
    """The case was measured and is not judged yet."""


class HeadNotAsked(_Reason, frozen=True):
    """A case that gates is planned in base alone."""


class SameCode(_Reason, frozen=True):
    """Both sides answer with the same source, tunables and sizes. Nothing was measured."""


class SameLaunches(_Reason, frozen=True):
    """The sources differ, but compile to the same binaries, launches and torch calls. Nothing was timed."""


class MeasuredOnce(_Reason, frozen=True):
    """Two arms of one run share an answer, and so one measurement."""


class TwoMachines(_Reason, frozen=True):
    """The sides ran on different machines, which was accepted."""


class OutsideTree(_Reason, frozen=True):
    """A side imported a file that does not belong to its tree."""

    side: str
    file: str


class SideProblem(msgspec.Struct, frozen=True):
    """One side without samples."""

    side: str
    status: Status | None
    """None: the run ended before the case. OK: the case was checked, not timed."""
    words: str = ""
    """The measurement's own reason."""


class NotMeasured(_Reason, frozen=True):
    """One side or both have no samples."""

    sides: tuple[SideProblem, ...]


class Throttled(_Reason, frozen=True):
    """A GPU protected itself.

    base, head: Its readings. Empty for a side without any.
    """

    base: str
    head: str


class TooFewProcesses(_Reason, frozen=True):
    """Fewer processes on a side than a verdict needs."""

    base: int
    head: int
    least: int


class StatisticsAlone(_Reason, frozen=True):
    """A side is a file that kept medians and quartiles. There is a ratio, but no basis for a verdict."""

    sides: tuple[str, ...]


class TooFewPairs(_Reason, frozen=True):
    """Fewer undisturbed pairs than a verdict needs.

    disturbed: The reasons why the others do not count.
    """

    pairs: int
    least: int
    disturbed: tuple[str, ...] = ()


class BeyondMargin(_Reason, frozen=True):
    """FASTER or SLOWER: the whole interval lies beyond the margin."""

    confidence: float
    margin_percent: float
    unchanged: bool = False
    """Both sides had the same question and were seen to read the same code and data."""


class WithinBounds(_Reason, frozen=True):
    """SAME: the whole interval lies inside the bounds."""

    confidence: float
    same_within_percent: float


class Undecided(_Reason, frozen=True):
    """The interval shows neither a difference nor SAME."""

    n: int
    level: str
    """`pair` or `process`, as in `Evidence`."""
    needed: int | None
    """Units that would probably decide it. None: out of reach."""
    smallest_percent: float
    """The smallest change that n units would have shown."""
    two_modes: bool = False
    """The processes' times fall into two groups. SAME is never the verdict then."""


class MemoryChange(_Reason, frozen=True):
    """Peak memory, which is exact."""

    base_bytes: int
    head_bytes: int


class EnergyUnknown(_Reason, frozen=True):
    """Energy gates, and a side has none.

    base, head: The reason. Empty for a side that has energy.
    """

    base: str
    head: str


Reason = (
    Undetermined
    | HeadNotAsked
    | SameCode
    | SameLaunches
    | MeasuredOnce
    | TwoMachines
    | OutsideTree
    | NotMeasured
    | Throttled
    | TooFewProcesses
    | StatisticsAlone
    | TooFewPairs
    | BeyondMargin
    | WithinBounds
    | Undecided
    | MemoryChange
    | EnergyUnknown
)
NOT_TIMED = (SameCode, SameLaunches)
"""Reasons of cases that cannot differ. They belong to no family of tests."""
MEASURED = (TooFewPairs, BeyondMargin, WithinBounds, Undecided)
"""Reasons of cases that were timed on both sides, or should have been."""

_FIXED: dict[type[_Reason], str] = {
    Undetermined: "",
    HeadNotAsked: "missing in head",
    SameCode: "both sides run the same code with the same tunables at the same sizes: not measured",
    SameLaunches: "the code differs, but binaries, launches and torch calls are the same: checked, not timed",
    MeasuredOnce: "both arms use the same implementation, measured once",
    TwoMachines: "two machines: the ratio is shown, not judged",
}


def reason_words(reason: Reason) -> str:
    """The sentence that a reader sees, and the `reason` of JSON documents."""
    match reason:
        case OutsideTree(side, file):
            return f"{side} ran {file}, which lies outside its tree"
        case NotMeasured(problems):
            return "; ".join(map(_side_words, problems))
        case Throttled(base, head):
            sides = (("base", base), ("head", head))
            return f"throttled: {', '.join(f'{side}: {readings}' for side, readings in sides if readings)}"
        case TooFewProcesses(base, head, least):
            each = f"{base} {_plural(base, 'process', 'processes')} a side"
            seen = each if base == head else f"{base} and {head} processes"
            return f"{seen}; a verdict needs {least}: `harness run --processes {least}`"
        case StatisticsAlone(sides):
            return f"{' and '.join(sides)}: only median and quartiles known: the ratio is an estimate, not judged"
        case TooFewPairs(pairs, least, disturbed):
            lost = f"; {len(disturbed)} more were disturbed ({disturbed[0]})" if disturbed else ""
            return f"{pairs} {_plural(pairs, 'pair', 'pairs')}; a verdict needs {least}{lost}"
        case BeyondMargin(confidence, margin_percent, unchanged):
            same = "; though both sides ran the same code on the same case" if unchanged else ""
            return f"the {100 * confidence:.4g} % interval lies beyond the margin of {margin_percent:g} %{same}"
        case WithinBounds(confidence, same_within_percent):
            return f"the {100 * confidence:.4g} % interval lies inside ±{same_within_percent:g} %"
        case Undecided():
            return _undecided(reason)
        case MemoryChange(base, head):
            more = "more" if head > base else "less"
            change = f"{abs(head - base) / 2**20:,.1f} MiB {more} ({100 * abs(head / base - 1):.2g} %)"
            return "equal" if base == head else change
        case EnergyUnknown(base, head):
            return "; ".join(f"{side}: {why}" for side, why in (("base", base), ("head", head)) if why)
    return _FIXED[type(reason)]


def _side_words(problem: SideProblem) -> str:
    if problem.status is None:
        return f"{problem.side} has no measurement: its run ended earlier"
    if problem.status is Status.OK:
        return f"{problem.side} was checked, not timed"
    return f"{problem.side} is {problem.status.value}: {problem.words}"


def _undecided(reason: Undecided) -> str:
    unit = "pairs" if reason.level == "pair" else "processes a side"
    enough = f"about {reason.needed} {unit} would decide it" if reason.needed else "more would hardly help"
    modes = "; its processes fall into two modes, for which SAME cannot be shown" if reason.two_modes else ""
    seen = f"{reason.n} {unit} show neither a difference nor SAME"
    return f"{seen}; {enough}; detectable: {reason.smallest_percent:.2g} %{modes}"


def _plural(count: int, one: str, several: str) -> str:
    return one if count == 1 else several
