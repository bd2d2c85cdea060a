"""The same questions on several machines, side by side: time, share of each machine's own bandwidth, and rank.

Nothing here is a verdict. Two machines differ in more than the kernel, so a ratio between them says nothing about code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.values.case import Case
from harness.values.estimate import Estimate
from harness.values.run import Run

from ..figures import bandwidth, clean, config_words, plural
from .joined import Answered, Joined, by_question, join, shared_arms
from .run_view import UNIT_WORDS, case_name, environment_rows


@dataclass(frozen=True)
class Machine:
    """label: short and distinct, in headings. facts: device, software, measured bandwidth. run: its id there."""

    label: str
    facts: tuple[str, ...]
    run: str
    state: str


@dataclass(frozen=True)
class Place:
    """An answer on one machine. time: us per call, step or pass. bound_share: of the bandwidth measured on that
    machine. rank, of: among the answers to the same question on that machine, 1 the fastest; None where it was not
    measured there."""

    time: Estimate
    bound_share: float | None
    rank: int
    of: int


@dataclass(frozen=True)
class Line:
    """One configuration of one question. places: by machine, None where it has no samples there. missing: why, by
    machine."""

    answer: str
    places: tuple[Place | None, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """name: with its axes. unit: of the times. lines: in the rank of the first machine that measured them."""

    name: str
    unit: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class SideBySide:
    """differences: what the environments do not have in common, by name, a value for each machine."""

    machines: tuple[Machine, ...]
    questions: tuple[Question, ...]
    differences: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]


def side_by_side(runs: Sequence[Run]) -> SideBySide:
    """The runs, in their order, joined on the question and the answer."""
    joined = [join(run) for run in runs]
    names: dict[tuple[str, str], None] = {}
    tables = []
    for one in joined:
        table = {}
        for entries in by_question(one.cases):
            case = entries[0].case
            names.setdefault((case.kind, case.question))
            table[case.question] = _places(one, entries)
        tables.append(table)
    questions = (_question(kind, name, [table.get(name, {}) for table in tables]) for kind, name in names)
    return SideBySide(
        machines=tuple(_machines(runs)),
        questions=tuple(question for question in questions if question.lines),
        differences=tuple(_differences(runs)),
        notes=tuple(_notes(runs)),
    )


@dataclass(frozen=True)
class _Found:
    case: Case
    place: Place | None
    why: str


def _places(joined: Joined, entries: Sequence[Answered]) -> dict[str, _Found]:
    """By answer; the rank is among the answers that were timed."""
    found: dict[str, _Found] = {}
    timed = []
    for entry, arms in shared_arms(entries):
        time = joined.estimate(entry)
        key = _answer(entry.case, arms)
        if time is None:
            why = entry.measurement.status.value if entry.measurement else joined.run.unmeasured(entry.case).status
            found.setdefault(key, _Found(entry.case, None, why))
        else:
            timed.append((time.value, key, entry, time))
    timed.sort(key=lambda item: (item[0], item[1]))
    for rank, (_, key, entry, time) in enumerate(timed, 1):
        bound_us, case = joined.bound_us(entry), entry.case
        place = Place(time, bound_us / time.value if bound_us else None, rank, len(timed))
        if key not in found or found[key].place is None:
            found[key] = _Found(case, place, "")
    return found


def _answer(case: Case, arms: Sequence[str]) -> str:
    """A kernel's answer is its configuration: the arms of two machines may be tuned differently."""
    return config_words(case.answer) if case.kind == "kernel" else ", ".join(arms)


def _question(kind: str, name: str, tables: Sequence[dict[str, _Found]]) -> Question:
    answers = dict.fromkeys(key for table in tables for key in table)
    lines = []
    for answer in answers:
        found = [table.get(answer) for table in tables]
        if any(one and one.place for one in found):
            places = tuple(one.place if one else None for one in found)
            lines.append(Line(answer, places, tuple(_why(one) for one in found)))
    lines.sort(key=lambda line: tuple(place.rank if place else 10**9 for place in line.places))
    case = next((one.case for table in tables for one in table.values()), None)
    shown = clean(name) if case is None else case_name(case, configured=False)
    return Question(shown, UNIT_WORDS[kind], tuple(lines))


def _why(found: _Found | None) -> str:
    return found.why if found else "not asked"


def _machines(runs: Sequence[Run]) -> list[Machine]:
    devices = [clean(run.environment.device_name if run.environment else "unknown device", 40) for run in runs]
    found = []
    for place, (run, device) in enumerate(zip(runs, devices, strict=True)):
        label = device if devices.count(device) == 1 else f"{device} #{devices[:place].count(device) + 1}"
        environment = run.environment
        facts = [plural(run.timed_processes, "process", "processes")]
        if environment:
            facts += [f"torch {clean(environment.torch)}", f"triton {clean(environment.triton or 'none')}"]
            facts += [f"reads {bandwidth(environment.read_gb_s)}"] if environment.read_gb_s else []
        found.append(Machine(label, tuple(facts), clean(run.id), clean(run.state)))
    return found


def _differences(runs: Sequence[Run]) -> list[tuple[str, tuple[str, ...]]]:
    """Every field of the environment that is not the same everywhere."""
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
