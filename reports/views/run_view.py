"""A report's facts on the run itself: its machine and condition, and the cases that are right, wrong or missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.values.case import Case
from harness.values.environment import Environment
from harness.values.estimate import Estimate
from harness.values.measurement import WORST_FIRST, Conditions, Status
from harness.values.run import Run

from ..figures import axes_words, bandwidth, clean, clean_prose, config_words, grouped, percent, plural, span
from .joined import Joined
from .kernel_view import site_name

REASON_LIMIT = 400


@dataclass(frozen=True)
class Headline:
    """The run in words. facts: device, software, bandwidth, clocks, each ready to be joined by a dot."""

    run_id: str
    suite: str
    title: str
    note: str
    state: str
    started: str
    command: str
    analysis: tuple[str, ...]
    facts: tuple[str, ...]
    throttled: str
    environment: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Problem:
    """A case without samples, and the reason."""

    case: str
    arm: str
    status: str
    reason: str


@dataclass(frozen=True)
class Counts:
    """measured: cases that were run. shared: answered by an earlier arm's measurement. missing: not reached. alike: not
    timed, because both sides of a comparison run the same code."""

    correct: int
    checked: int
    measured: int
    shared: int
    missing: int
    unsupported: int
    alike: int

    @property
    def sentence(self) -> str:
        parts = [f"{self.correct} of {plural(self.measured, 'case')} correct"] if self.checked else []
        if self.measured and not self.checked:
            parts.append(f"{plural(self.measured, 'case')} timed, none checked")
        if self.unsupported or not parts:
            parts.append(f"{self.unsupported} unsupported" if self.unsupported else "no case was timed")
        if self.shared:
            parts.append(f"{self.shared} more have the same answer as an earlier arm")
        if self.missing:
            parts.append(f"{self.missing} not reached")
        if self.alike:
            parts.append(f"{self.alike} not timed, the same code on both sides")
        return ", ".join(parts)


def headline(run: Run) -> Headline:
    environment = run.environment
    return Headline(
        run_id=clean(run.id),
        suite=clean(run.suite),
        title=clean(run.title) or clean(run.suite),
        note=clean(run.note, REASON_LIMIT),
        state=clean(run.state),
        started=clean(run.started),
        command=clean(run.command, REASON_LIMIT),
        analysis=clean_prose(run.analysis),
        facts=tuple(_facts(environment, run.conditions)),
        throttled=throttling(run.conditions),
        environment=environment_rows(environment),
    )


def _facts(environment: Environment | None, conditions: Sequence[Conditions]) -> Iterable[str]:
    if environment is None:
        yield "environment not recorded"
        return
    uuid = f" ({clean(environment.device_uuid)[:8]})" if environment.device_uuid else ""
    yield f"{clean(environment.device_name)}{uuid}"
    if environment.torch:
        yield f"torch {clean(environment.torch)}"
    if environment.triton:
        yield f"triton {clean(environment.triton)}"
    if environment.read_gb_s:
        yield f"reads {bandwidth(environment.read_gb_s)}"
    clocks = [c.sm_clock_mhz for c in conditions if c.sm_clock_mhz is not None]
    if clocks:
        low, high = min(clocks), max(clocks)
        yield f"{low:,} MHz" if low == high else f"{low:,}-{high:,} MHz"
        yield throttling(conditions) or "not throttled"


def throttling(conditions: Sequence[Conditions]) -> str:
    """`throttled in 3 of 14 rounds: sw_power_cap`; empty without a throttled round."""
    reasons = [c.throttle_reasons for c in conditions if c.throttle_reasons]
    if not reasons:
        return ""
    names = sorted({clean(name) for names in reasons for name in names})
    return f"throttled in {len(reasons)} of {plural(len(conditions), 'round')}: {', '.join(names)}"


ENVIRONMENT_NAMES = {
    "device_name": "Device",
    "device_uuid": "UUID",
    "sm_count": "SMs",
    "compute_capability": "Compute capability",
    "memory_bytes": "Memory",
    "l2_bytes": "L2 cache",
    "driver": "Driver",
    "cuda": "CUDA",
    "torch": "torch",
    "triton": "triton",
    "ptxas": "ptxas",
    "python": "Python",
    "read_gb_s": "Read bandwidth",
    "power_limit_w": "Power limit",
    "clocks_policy": "Clocks",
    "max_sm_clock_mhz": "Highest SM clock",
    "cpu": "Host CPU",
    "cpu_cores": "Host cores",
    "platform": "Platform",
    "commit": "Commit",
    "harness": "harness",
    "method": "Method version",
}


WITH_UNIT: Mapping[str, Callable[[float], str]] = {
    "memory_bytes": lambda count: f"{grouped(count / 2**30, 1)} GiB",
    "l2_bytes": lambda count: f"{grouped(count / 2**20, 1)} MiB",
    "read_gb_s": lambda gb_s: f"{bandwidth(gb_s)}, measured",
    "power_limit_w": lambda watts: f"{grouped(watts)} W",
    "max_sm_clock_mhz": lambda mhz: f"{mhz:,} MHz",
}


def environment_rows(environment: Environment | None) -> tuple[tuple[str, str], ...]:
    """Name and value of each known fact of a machine, ready for display."""
    facts = ((name, label, getattr(environment, name, None)) for name, label in ENVIRONMENT_NAMES.items())
    return tuple(
        (label, WITH_UNIT[name](value) if name in WITH_UNIT else clean(str(value), REASON_LIMIT))
        for name, label, value in facts
        if value not in (None, "")
    )


def counts(joined: Joined) -> Counts:
    own = [entry for entry in joined.cases if not entry.shared_with]
    measured = [entry.measurement for entry in own if entry.measurement]
    status = Counter(m.status for m in measured)
    unsupported = status[Status.UNSUPPORTED]
    unmeasured = [entry.case for entry in own if not entry.measurement]
    alike = sum(joined.run.unmeasured(case).alike for case in unmeasured)
    return Counts(
        correct=status[Status.OK],
        checked=sum(m.correctness is not None or m.status not in (Status.OK, Status.UNSUPPORTED) for m in measured),
        measured=sum(status.values()) - unsupported,
        shared=len(joined.cases) - len(own),
        missing=len(unmeasured) - alike,
        unsupported=unsupported,
        alike=alike,
    )


def problems(joined: Joined) -> tuple[Problem, ...]:
    """Every case without samples, once, the worst first: wrong, failed, timed out, unsupported, not reached."""
    ranks = {status: rank for rank, status in enumerate(WORST_FIRST)}
    found = []
    for entry in joined.cases:
        case, m = entry.case, entry.measurement
        if entry.shared_with or (m and m.status is Status.OK):
            continue
        if m:
            rank, status, reason = ranks[m.status], m.status.value, clean(m.reason, REASON_LIMIT)
        else:
            status, reason, alike = joined.run.unmeasured(case)
            rank = 5 if alike else 4
        found.append((rank, Problem(case_name(case), clean(case.arm), status, reason)))
    return tuple(row for _, row in sorted(found, key=lambda pair: pair[0]))


def unit_words(unit: str) -> str:
    """`us per call` for `us/call`."""
    return clean(unit.replace("/", " per "))


def case_name(case: Case, configured: bool = True) -> str:
    """`moe_gate_up, 1 token`; `decode, batch 1, context 1,024, cuda_graph`. configured: include the answer if it is
    part of a sweep's case."""
    head = site_name(case) if case.kind == "kernel" else clean(case.op or case.kind)
    config = config_words(case.answer) if configured and case.tunables_in_id else ""
    parts = (head, axes_words(case.axes, case.kind), clean(case.engine or ""), config)
    return ", ".join(part for part in parts if part)


def footnotes(estimates: Iterable[Estimate]) -> tuple[str, ...]:
    """The meaning of the intervals: one sentence for each kind of interval among those shown."""
    kinds: dict[tuple[str, str, float], list[int]] = {}
    for e in estimates:
        kinds.setdefault((e.level, e.noise, round(e.confidence, 3)), []).append(e.n)
    ordered = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(_interval_sentence(*kind, min(n), max(n)) for kind, n in ordered)


def _interval_sentence(level: str, noise: str, confidence: float, fewest: int, most: int) -> str:
    sure = percent(confidence)
    if level == "process":
        return f"Intervals are {sure} from the medians of {span(fewest, most)} fresh processes."
    if level == "statistics":
        return (
            f"Intervals are {sure} from the quartiles of {span(fewest, most)} rounds, which the file does not have,"
            " widened by the assumed noise between processes."
        )
    extra = "calibrated" if noise == "calibrated" else noise
    return (
        f"Intervals are {sure} from {span(fewest, most)} rounds of one process, widened by the {extra} noise between "
        "processes; more processes say more (harness run --processes 5)."
    )
