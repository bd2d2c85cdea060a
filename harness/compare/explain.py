"""Explains a comparison: the kernels' savings against the decode's, the profile by category and kernel, and the
code."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.compare.changed_line import first_changed_line
from harness.compare.join import Joined, join
from harness.compare.reconcile import Reconciled, reconcile
from harness.compare.sides import StoredSide, same_run
from harness.trace.difference import Change, difference
from harness.values.case import AxisValue, Implementation
from harness.values.run import Run
from harness.values.static_comparison import StaticCase
from harness.values.verdict import Comparison, Verdict

MOST_CHANGES = 8
"""Most kernels and categories named per profile, in order of contribution."""


class ProfileChange(msgspec.Struct, frozen=True):
    """One profile of each side: no interval, and it gates nothing. steps: decode steps in each; times are sums over
    them. The changes are the largest ones."""

    arms: tuple[str, str]
    engine: str
    axes: dict[str, AxisValue]
    device: str
    steps: int
    base_ns: int
    head_ns: int
    categories: tuple[Change, ...]
    kernels: tuple[Change, ...]


class CodeChange(msgspec.Struct, frozen=True):
    """A kernel case whose answer differs. tunables: those that differ: a choice, not the code. pinned: setting in both
    sides' arm that compares the code without that choice. `changed_line`: the first one, in the variant's own file in
    head."""

    case: str
    variants: tuple[str, str]
    tunables: tuple[str, ...] = ()
    pinned: str = ""
    changed_line: str = ""


class Explanation(msgspec.Struct, frozen=True):
    """binaries: of kernels that moved, where the sides were measured on a GPU and are written in Triton."""

    decodes: tuple[Reconciled, ...] = ()
    profiles: tuple[ProfileChange, ...] = ()
    code: tuple[CodeChange, ...] = ()
    binaries: tuple[StaticCase, ...] = ()
    notes: tuple[str, ...] = ()


def explain(base: StoredSide, head: StoredSide, verdicts: dict[str, Verdict]) -> Explanation:
    """Return the explanation, without parts for which data is missing. verdicts: on the times, by the joined case's
    name."""
    questions = join(base, head)
    joined = [question for question in questions if question.base and question.head]
    profiles, notes = _profiles(base, head)
    code = [change for q in joined if q.case.kind == "kernel" and (change := _code(q, base.run, head.run))]
    return Explanation(reconcile(base, head, questions, verdicts), profiles, tuple(code), notes=notes)


def _profiles(base: StoredSide, head: StoredSide) -> tuple[tuple[ProfileChange, ...], tuple[str, ...]]:
    """Compare the newest profiles of both sides for each arm, engine and shape."""
    found: list[ProfileChange] = []
    notes: list[str] = []
    theirs = {(p.arm, p.engine, _key(p.axes)): p for p in head.run.profiles}
    ours = {(p.arm, p.engine, _key(p.axes)): p for p in base.run.profiles}
    for (arm, engine, axes), one in ours.items():
        if base.arm not in (None, arm) or (base.arm == head.arm is None and same_run(base, head)):
            continue
        other = theirs.get((head.arm or arm, engine, axes))
        if other is None:
            continue
        if one.steps != other.steps or one.device != other.device:
            notes.append(f"the profiles of {arm}, {engine} are of {one.steps} and {other.steps} steps: not compared")
            continue
        change = difference(one, other)
        found.append(
            ProfileChange(
                (arm, other.arm), engine, dict(one.axes), one.device, one.steps, change.base_ns, change.head_ns,
                _largest(change.categories), _largest(change.kernels),
            )
        )  # fmt: skip
    return tuple(found), tuple(notes)


def _key(axes: dict[str, AxisValue]) -> tuple[tuple[str, AxisValue], ...]:
    return tuple(sorted(axes.items()))


def _largest(changes: Sequence[Change]) -> tuple[Change, ...]:
    return tuple(change for change in changes if change.delta_ns)[:MOST_CHANGES]


def _code(question: Joined, base: Run, head: Run) -> CodeChange | None:
    assert question.base and question.head
    one, other = question.base, question.head
    before, after = one.case.answer, other.case.answer
    if before is None or after is None:
        return None
    line = ""
    texts = [
        run.sources.get((planned.measurement.source if planned.measurement else None) or "")
        for planned, run in ((one, base), (other, head))
    ]
    if texts[0] is not None and texts[1] is not None and before.variant == after.variant:
        place = first_changed_line(texts[0], texts[1])
        line = f"{_file(str(other.case.op), after.variant)}:{place}" if place else ""
    tunables = before.changes(after)
    if not line and not tunables and before.variant == after.variant:
        return None
    same = before.variant == after.variant and tunables
    pinned = f"{question.case.op}: {{{before.variant}: {_yaml(before)}}}" if same else ""
    return CodeChange(question.name, (before.variant, after.variant), tunables, pinned, line)


def _file(op: str, variant: str) -> str:
    """The file of a variant by its name. An op in one file has its `run` and `run_NAME` in that file."""
    if variant.endswith(".py"):
        return variant
    if variant == "run" or variant.startswith("run_"):
        return f"{op}.py"
    return f"{variant.replace('.', '/')}.py"


def _yaml(answer: Implementation) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in answer.tunables.items()) + "}"


def explained(
    comparison: Comparison, sides: tuple[StoredSide, StoredSide], binaries: tuple[StaticCase, ...]
) -> Explanation:
    """Explain the verdicts on times of a comparison. binaries: of the kernels that changed speed."""
    times = {v.case: v.verdict for v in comparison.verdicts if v.metric != "peak_memory_bytes"}
    return msgspec.structs.replace(explain(*sides, times), binaries=binaries)
