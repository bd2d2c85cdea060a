"""Selects the cases of a suite to compile: the configurations that its arms chose, each once, and their neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from harness.plan.neighbours import neighbours
from harness.plan.resolution import ArmResolver
from harness.suite.catalogue import kernels_of
from harness.suite.sweeps import authors_sweep
from harness.values.case import Case, Implementation
from harness.values.suite import Plan, Suite, SweepSpace

UNRESOLVED = "`tuned` depends on a GPU, and none was named: --device nvidia-h100-80gb-hbm3, say, takes its tuned file"


class Work(msgspec.Struct, frozen=True):
    """One question with one answer. `arms`: those that chose it; none for a neighbour. `problem`: why it is not
    compiled.
    """

    case: Case
    arms: tuple[str, ...]
    problem: str = ""

    @property
    def key(self) -> tuple[str, str]:
        assert self.case.answer is not None
        return self.case.question, self.case.answer.label


def workload(plan: Plan, with_neighbours: bool = True) -> tuple[Work, ...]:
    """The work in the order of the plan, each configuration followed by its neighbours."""
    suite, found = plan.suite, dict[tuple[str, str], Work]()
    spaces = {(space.op, space.variant): space for space in suite.sweep}
    for work in _chosen(plan.cases):
        known = found.get(work.key)
        found[work.key] = msgspec.structs.replace(work, arms=(*known.arms, *work.arms)) if known else work
    rows: dict[tuple[str, str], Work] = {}
    for work in found.values():
        rows[work.key] = work
        if with_neighbours and not work.problem:
            for beside in _beside(suite, work.case, spaces):
                if beside.key not in found:
                    rows.setdefault(beside.key, beside)
    return tuple(rows.values())


def _chosen(cases: Iterable[Case]) -> Iterator[Work]:
    for case in cases:
        if case.kind == "kernel" and case.answer is not None:
            unresolved = case.answer.origin == "tuned" and not case.answer.tunables
            case = msgspec.structs.replace(case, tunables_in_id=True)
            yield Work(case, (case.arm,), case.problem or (UNRESOLVED if unresolved else ""))


def _beside(suite: Suite, case: Case, spaces: dict[tuple[str, str], SweepSpace]) -> Iterator[Work]:
    assert case.op is not None and case.answer is not None
    place = case.op, case.variant
    if place not in spaces:
        spaces[place] = authors_sweep(*place, list(case.dims), kernels_of(suite)) or SweepSpace(*place, {})
    whole = {**ArmResolver(suite, None, None).defaults(*place), **case.tunables}
    for tunables in neighbours(spaces[place], whole, case.dims):
        yield Work(msgspec.structs.replace(case, answer=Implementation(case.variant, tunables, "neighbour")), ())
