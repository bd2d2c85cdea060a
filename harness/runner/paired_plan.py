"""The questions that a paired comparison measures: each side's cases by the name that joins the sides."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from harness.values.case import Case


class PairedPlan(NamedTuple):
    """questions: by side, `base` or `head`, then by name."""

    questions: dict[str, dict[str, Case]]
    wanted: frozenset[str]
    """Names of either side that are measured."""

    @property
    def common(self) -> list[str]:
        """The names that both sides answer, in base's order."""
        base, head = self.questions["base"], self.questions["head"]
        return [name for name in base if name in head and name in self.wanted]

    def both(self, names: Iterable[str]) -> dict[str, tuple[Case, Case]]:
        """The cases of base and head for each question that both answer."""
        return {name: (self.questions["base"][name], self.questions["head"][name]) for name in names}

    def ids(self, side: str) -> set[str]:
        """Ids of a side's wanted cases, and of the cases measured in their place."""
        own = self.questions[side]
        return {id for name in own if name in self.wanted for id in (own[name].id, own[name].same_as) if id}


def plan_pairs(
    base: Iterable[Case], head: Iterable[Case], arms: tuple[str | None, str | None], gate: Collection[str],
    gated_only: bool,
) -> PairedPlan:  # fmt: skip
    """Return the plan. arms: those that are the sides; None where each arm is compared with itself. gated_only: only
    the cases that gate, if there are any."""
    questions = {"base": by_name(base, arms[0]), "head": by_name(head, arms[1])}
    every = {**questions["head"], **questions["base"]}
    gating = {name for name, case in every.items() if _gates(case, gate)}
    return PairedPlan(questions, frozenset(gating if gated_only and gating else every))


def by_name(cases: Iterable[Case], arm: str | None) -> dict[str, Case]:
    """A side's cases by the name that joins both sides. arm: the side's own; None where every arm is compared with
    itself."""
    return {case.question if arm else case.id: case for case in cases if arm in (None, case.arm)}


def _gates(case: Case, gate: Collection[str]) -> bool:
    """Whether the policy gates this case. Memory can also gate a decode, and energy every case."""
    named = case.gate in gate or "energy" in gate
    return named or (case.kind == "decode" and "peak_memory" in gate)
