"""`harness compare --static`: checks out, plans and compiles both sides for the named targets, and compares the
results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from harness.compare.static_verdicts import judge_static
from harness.errors import HarnessError
from harness.runner.live_sides import Live, Say, SideTree, plans_of, trees
from harness.runner.paired_plan import by_name
from harness.runner.paired_side import PairedSide
from harness.runner.static_side import CompileReply, CompileRequest, Report, compile_side
from harness.static.target import parse_target
from harness.store import Store
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.static_comparison import StaticCase, StaticComparison, StaticSide
from harness.values.suite import Suite

TARGETS = ("sm_80", "sm_90")
UNRESOLVED = "`tuned` depends on a GPU, and none was named: --device nvidia-h100-80gb-hbm3, say, takes its tuned file"


class _Compiled:
    """The compilation of one side. named: its cases by the name that joins the sides."""

    def __init__(
        self, named: dict[str, Case], suite: Suite, side: SideTree | PairedSide, targets: Sequence[str],
        jobs: int | None = None, report: Report | None = None,
    ) -> None:  # fmt: skip
        self.named = named
        usable = {_work(case): case for case in named.values() if _problem(case) is None}
        self.answer = compile_side(
            CompileRequest(
                tuple(usable.values()), tuple(targets), str(suite.folder), suite.kernels_root, jobs, ops=suite.ops
            ),
            side.python, side.checkout.root, report,
        )  # fmt: skip
        self.left_out = {_work(case) for case in usable.values() if case.id in set(self.answer.left_out)}
        self.found = {
            target: {_work(compiled.case): compiled for compiled in several}
            for target, several in self.answer.compiled.items()
        }

    def uses_triton(self, name: str) -> bool:
        case = self.named.get(name)
        return case is not None and _work(case) not in self.left_out

    def compiled(self, name: str, target: str) -> Compiled | None:
        case = self.named.get(name)
        if case is None:
            return None
        problem = _problem(case)
        if problem is not None:
            return Compiled(msgspec.structs.replace(case, problem=problem), Status.UNSUPPORTED, problem)
        found = self.found.get(target, {}).get(_work(case))
        # a side without Triton compiles to nothing, which is what it launches
        return msgspec.structs.replace(found, case=case) if found else Compiled(case, Status.OK)

    def sources(self, name: str) -> dict[str, str]:
        case = self.named.get(name)
        return self.answer.sources.get(case.implementation, {}) if case is not None else {}


def compare_static(
    live: Live, store: Store, targets: Sequence[str], say: Say, *, device: str | None = None, jobs: int | None = None,
    report: Callable[[str, int, int], None] | None = None,
) -> StaticComparison:  # fmt: skip
    """Compile every Triton case of both sides. device: whose tuned files are read. report: called with side, done, of.

    Raises HarnessError as `live_sides.prepare` does, for an unknown target, and where no case uses Triton.
    """
    start = time.perf_counter()
    asked = tuple(dict.fromkeys(parse_target(target).name for target in targets))
    sides = trees(live, store, say)
    plans = [plan for _, plan in plans_of(sides, live, say, device)]
    compiled = []
    for side, plan in zip(sides, plans, strict=True):
        told = partial(report, side.word) if report else None
        named = by_name((case for case in plan.cases if case.kind == "kernel"), side.arm)
        compiled.append(_Compiled(named, plan.suite, side, asked, jobs, told))
    base, head = compiled
    names = list(dict.fromkeys((*base.named, *head.named)))
    kept = [name for name in names if base.uses_triton(name) or head.uses_triton(name)]
    if not kept:
        raise HarnessError(f"none of {len(names)} kernel cases uses Triton on either side; there is nothing to compile")
    facts = [
        StaticSide(side.checkout.tree, side.arm, own.answer.toolchain)
        for side, own in zip(sides, compiled, strict=True)
    ]
    cases = _judged(kept, asked, base, head)
    return StaticComparison(
        facts[0], facts[1], asked, cases, len(names) - len(kept), tuple(_notes(base.answer, head.answer)),
        time.perf_counter() - start,
    )  # fmt: skip


def binaries(
    base: PairedSide, head: PairedSide, questions: Sequence[dict[str, Case]], names: Sequence[str], target: str
) -> tuple[StaticCase, ...]:
    """Compile the named kernels of two measured sides with exactly the answers that were measured. Empty where none is
    written in Triton. questions: cases of base and head by name."""
    compiled = []
    for side, cases in zip((base, head), questions, strict=True):
        named = {name: cases[name] for name in names if name in cases and cases[name].kind == "kernel"}
        compiled.append(_Compiled(named, side.suite, side, (target,)))
    kept = [name for name in names if any(side.uses_triton(name) for side in compiled)]
    return _judged(kept, (target,), *compiled)


def _judged(names: Sequence[str], targets: Sequence[str], base: _Compiled, head: _Compiled) -> tuple[StaticCase, ...]:
    texts = {name: (base.sources(name), head.sources(name)) for name in names}
    return tuple(
        judge_static(name, target, base.compiled(name, target), head.compiled(name, target), *texts[name])
        for target in targets
        for name in names
    )


def _notes(base: CompileReply, head: CompileReply) -> Iterable[str]:
    for target in base.toolchain.keys() & head.toolchain.keys():
        if base.toolchain[target] != head.toolchain[target]:
            yield f"{target}: the compilers differ: {base.toolchain[target]} -> {head.toolchain[target]}"


def _problem(case: Case) -> str | None:
    if case.problem is not None:
        return case.problem
    assert case.answer is not None
    return UNRESOLVED if case.answer.origin == "tuned" and not case.answer.tunables else None


def _work(case: Case) -> str:
    """A key that is equal for cases of the same compilation: arms often share an answer."""
    facts = (case.question, case.dims, case.variant, case.tunables)
    return msgspec.json.encode(facts, order="sorted").decode()
