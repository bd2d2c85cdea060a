"""The questions of a sweep: all configurations of one variant at one shape, and the baseline that they must beat."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from harness.device.probe import Machine
from harness.plan.resolution import ArmResolver
from harness.suite.catalogue import kernels_of
from harness.suite.closure import closure_hash
from harness.values.case import Case, Implementation, Tunables
from harness.values.suite import Suite


class SweepQuestion(msgspec.Struct, frozen=True):
    """One variant at one shape."""

    op: str
    site: str
    variant: str
    cases: tuple[Case, ...]
    """The declared configurations, in their order."""
    baseline: Case
    """The time to beat: one of them, another configuration of the variant, or another variant."""
    sources: dict[str, str]
    """For the variant and the baseline's: hash of its text and its imports from the kernels, by variant."""
    uses_triton: bool
    recheck: str = ""
    """Description, where the baseline is an earlier choice that is checked again."""

    @property
    def everything(self) -> tuple[Case, ...]:
        """The cases, and the baseline if it is none of them."""
        ids = {case.id for case in self.cases}
        return self.cases if self.baseline.id in ids else (*self.cases, self.baseline)


def questions(suite: Suite, cases: Sequence[Case]) -> list[SweepQuestion]:
    """Return the questions in the order of the plan."""
    answers = ArmResolver(suite, None, None)
    grouped: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        key = (case.op, case.variant, case.site, tuple(sorted(case.dims.items())))
        grouped.setdefault(key, []).append(case)
    return [_asked(suite, answers, group) for group in grouped.values()]


def _asked(suite: Suite, answers: ArmResolver, cases: Sequence[Case]) -> SweepQuestion:
    first = cases[0]
    assert first.op is not None and first.site is not None
    baseline = _baseline(suite, answers, cases)
    known = kernels_of(suite)
    files = {name: known.known_file(first.op, name) for name in (first.variant, baseline.variant)}
    sources = {name: closure_hash(file, known.root) for name, file in files.items()}
    triton = "import triton" in files[first.variant].read_text(encoding="utf-8")
    return SweepQuestion(first.op, first.site, first.variant, tuple(cases), baseline, sources, triton)


def _baseline(suite: Suite, answers: ArmResolver, cases: Sequence[Case]) -> Case:
    """The baseline: the declared configuration that equals the answer below, or else a case of its own.

    The answer is that of the arm `baseline`, or of the first arm, in a decode. If that arm is itself `tuned`, or does
    not use the op, the answer is the variant with its defaults.
    """
    first = cases[0]
    assert first.op is not None and first.site is not None
    arm = suite.arms.get("baseline") or next(iter(suite.arms.values()), None)
    choice = arm.choice(first.op, first.site, "decode") if arm else None
    if choice is None and arm is not None and kernels_of(suite).spec(first.op).default.get("decode"):
        answer = answers.resolve(arm.name, first.op, first.site, "decode", first.dims).answer
    elif choice is None or isinstance(choice.tunables, str):
        name = choice.variant if choice else first.variant
        answer = Implementation(name, answers.defaults(first.op, name))
    else:
        answer = Implementation(choice.variant, {**answers.defaults(first.op, choice.variant), **choice.tunables})
    for case in cases:
        if case.variant == answer.variant and whole_tunables(answers, case) == answer.tunables:
            return case
    return msgspec.structs.replace(first, answer=Implementation(answer.variant, answer.tunables, "baseline"))


def whole_tunables(answers: ArmResolver, case: Case) -> Tunables:
    """The case's tunables, with defaults for those that the space does not name. So a space that names one more still
    finds earlier results."""
    assert case.op is not None
    return {**answers.defaults(case.op, case.variant), **case.tunables}


def keys_on(machine: Machine, suite: Suite, asked: SweepQuestion) -> dict[str, str]:
    """The key of each case of a question, by case id."""
    answers = ArmResolver(suite, None, None)
    return {
        case.id: configuration_key(
            msgspec.structs.replace(case, answer=Implementation(case.variant, whole_tunables(answers, case))),
            asked.sources[case.variant], machine, suite.routing, suite.timer.kind,
        )
        for case in asked.everything
    }  # fmt: skip


def configuration_key(case: Case, source: str, machine: Machine, routing: str, timer: str | None = None) -> str:
    """Return the store's key of a configuration. source: hash of the variant's text and its imports from the kernels.
    timer: the one that the suite names."""
    parts = [
        case.op, sorted(case.dims.items()), case.dtype, sorted(case.axes.items()), routing, case.variant,
        sorted((name, repr(value)) for name, value in case.tunables.items()), source, machine,
        *([timer] if timer else []),
    ]  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def finals_key(keys: list[str], baseline: str | None, processes: int) -> str:
    """Return the store's key of the last step: the configurations that were timed again, and the number of
    processes."""
    return hashlib.sha256(msgspec.json.encode([sorted(keys), baseline, processes])).hexdigest()
