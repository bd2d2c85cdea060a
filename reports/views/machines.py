"""The same questions on several machines, side by side: time, share of each machine's own bandwidth, and rank.

None of these is a verdict. Two machines differ in more than the kernel, so a ratio between them says nothing about
code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.values.case import Case
from harness.values.estimate import Estimate
from harness.values.run import Run

from ..figures import bandwidth, clean, config_words, plural
from .joined import Joined, MeasuredCase, by_question, join, shared_arms
from .run_view import case_name, environment_rows, unit_words


@dataclass(frozen=True)
class Machine:
    """label: short and distinct, for headings. facts: device, software, measured bandwidth. run: its id on that
    machine."""

    label: str
    facts: tuple[str, ...]
    run: str
    state: str


@dataclass(frozen=True)
class MachineResult:
    """An answer on one machine."""

    time: Estimate
    """us per call, step or pass."""
    bound_share: float | None
    """Share of the bandwidth measured on that machine."""
    rank: int
    """Among that machine's answers to the same question, 1 for the fastest."""
    of: int
    """The number of those answers."""


@dataclass(frozen=True)
class Line:
    """One configuration of one question. results: by machine, or the reason why it has no samples there."""

    answer: str
    results: tuple[MachineResult | str, ...]

    @property
    def ranks(self) -> tuple[float, ...]:
        """Ranks by machine; infinity if a machine has none."""
        return tuple(result.rank if isinstance(result, MachineResult) else math.inf for result in self.results)


@dataclass(frozen=True)
class ComparedCase:
    """name: with its axes. unit: unit of the times. lines: in the rank order of the first machine that measured
    them."""

    name: str
    unit: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class SideBySide:
    """differences: the facts in which the environments differ, by name, with a value for each machine."""

    machines: tuple[Machine, ...]
    questions: tuple[ComparedCase, ...]
    differences: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]


def side_by_side(runs: Sequence[Run]) -> SideBySide:
    """The runs, in their order, joined on the question and the answer."""
    found: dict[str, tuple[Case, list[dict[str, MachineResult | str]]]] = {}
    for number, joined in enumerate(map(join, runs)):
        for entries in by_question(joined.cases):
            case = entries[0].case
            _, answers = found.setdefault(case.question, (case, [{} for _ in runs]))
            answers[number] = _results(joined, entries)
    questions = (_question(case, answers) for case, answers in found.values())
    return SideBySide(
        machines=tuple(_machines(runs)),
        questions=tuple(question for question in questions if question.lines),
        differences=tuple(_differences(runs)),
        notes=tuple(_notes(runs)),
    )


def _results(joined: Joined, entries: Sequence[MeasuredCase]) -> dict[str, MachineResult | str]:
    """Results by answer. Only timed answers are ranked."""
    found: dict[str, MachineResult | str] = {}
    timed = []
    for entry, arms in shared_arms(entries):
        time, key = joined.estimate(entry), _answer(entry.case, arms)
        if time is not None:
            timed.append((time.value, key, time, joined.bound_us(entry)))
        elif entry.measurement:
            found.setdefault(key, entry.measurement.status.value)
        else:
            found.setdefault(key, joined.run.unmeasured(entry.case).status)
    timed.sort(key=lambda item: item[:2])
    for rank, (_, key, time, bound_us) in enumerate(timed, 1):
        if not isinstance(found.get(key), MachineResult):
            found[key] = MachineResult(time, bound_us / time.value if bound_us else None, rank, len(timed))
    return found


def _answer(case: Case, arms: Sequence[str]) -> str:
    """The key of an answer. For a kernel it is the configuration, because arms of two machines may be tuned
    differently."""
    return config_words(case.answer) if case.kind == "kernel" else ", ".join(arms)


def _question(case: Case, found: Sequence[dict[str, MachineResult | str]]) -> ComparedCase:
    answers = dict.fromkeys(answer for here in found for answer in here)
    lines = (Line(answer, tuple(here.get(answer, "not asked") for here in found)) for answer in answers)
    measured = [line for line in lines if min(line.ranks) < math.inf]
    measured.sort(key=lambda line: line.ranks)
    return ComparedCase(case_name(case, configured=False), unit_words(case.unit), tuple(measured))


def _machines(runs: Sequence[Run]) -> list[Machine]:
    devices = [clean(run.environment.device_name if run.environment else "unknown device", 40) for run in runs]
    found = []
    for index, (run, device) in enumerate(zip(runs, devices, strict=True)):
        label = device if devices.count(device) == 1 else f"{device} #{devices[:index].count(device) + 1}"
        environment = run.environment
        facts = [plural(run.timed_processes, "process", "processes")]
        if environment:
            facts += [f"torch {clean(environment.torch)}", f"triton {clean(environment.triton or 'none')}"]
            facts += [f"reads {bandwidth(environment.read_gb_s)}"] if environment.read_gb_s else []
        found.append(Machine(label, tuple(facts), clean(run.id), clean(run.state)))
    return found


def _differences(runs: Sequence[Run]) -> list[tuple[str, tuple[str, ...]]]:
    """Every field of the environment that is not the same on all machines."""
    rows = [dict(environment_rows(run.environment)) for run in runs]
    names = dict.fromkeys(name for row in rows for name in row)
    values = ((name, tuple(row.get(name, "-") for row in rows)) for name in names)
    return [(name, found) for name, found in values if len(set(found)) > 1]


def _notes(runs: Sequence[Run]) -> list[str]:
    notes = ["Shares are of the read bandwidth that was measured on each machine.", "Ranks are within one machine."]
    if len({run.suite_hash for run in runs}) > 1:
        notes.append("The texts of the suites differ; questions are joined where they are the same.")
    if len({run.environment.method for run in runs if run.environment}) > 1:
        notes.append("The runs were timed by different versions of the method.")
    notes += [f"Run {clean(run.id)} is {clean(run.state)}." for run in runs if run.state != "complete"]
    return notes
