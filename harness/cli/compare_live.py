"""The half of `harness compare` that measures: revisions and the working tree, as pairs of fresh processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import typer

from harness.cli.quiet import remark
from harness.errors import ExitStatus, HarnessError

if TYPE_CHECKING:
    from harness.compare import StoredSide
    from harness.runner.live_sides import Live
    from harness.runner.paired import Pairs
    from harness.runner.terms import Terms
    from harness.store import Store
    from harness.values.static_comparison import StaticCase
    from harness.values.verdict import Comparison

UNDER_TEST = ("torch", "triton", "cuda")
"""Facts that may differ where the sides have interpreters of their own."""


class LiveComparison(NamedTuple):
    """The result of a live comparison. binaries: of the kernels that changed speed."""

    comparison: Comparison
    binaries: tuple[StaticCase, ...]


def terms(
    live: Live, accept: list[str], budget_s: float, measure_identical: bool, gpus: int, comparisons: int = 1
) -> Terms:
    """The terms of a comparison.

    accept: Conditions that may differ, by name.
    budget_s: 0 for the suite's.
    gpus: The number of GPUs that share the pairs.
    comparisons: The number of comparisons that share the budget and the chance of an error.
    """
    from harness.runner.lane import devices_for
    from harness.runner.terms import Terms

    under_test = UNDER_TEST if any(live.pythons) else ()
    return Terms(
        budget_s=budget_s / comparisons or None, gated_only=not live.match, measure_identical=measure_identical,
        accept=(*accept, *under_test), comparisons=comparisons, devices=devices_for(gpus),
    )  # fmt: skip


def measure(live: Live, store: Store, terms: Terms, rounds: int | None, note: str) -> LiveComparison:
    """Measure both sides, judge them and inspect the cases that changed; progress goes to standard error."""
    from harness.cli.progress import RunProgress
    from harness.runner.live_sides import prepare
    from harness.runner.stage import Options
    from harness.values.stage import TIMED

    options = Options(processes=0, stages=TIMED, rounds=rounds, note=note)
    pairs: list[Pairs] = []
    with interruptible(lambda: _kept(pairs)), RunProgress(stages=False) as progress:
        pairs.append(prepare(live, store, options, terms, progress, progress.say))
        found = pairs[0].run()
        _profile_both(pairs[0], found)
        binaries = _binaries(pairs[0], found)
    for side in (pairs[0].base, pairs[0].head):
        for text in side.record.log:
            remark(text)
    return LiveComparison(found, binaries)


def _binaries(pairs: Pairs, found: Comparison) -> tuple[StaticCase, ...]:
    """The binaries of both sides, for kernels that changed speed on a GPU; Triton's cache already holds most."""
    from harness.runner.compare_static import binaries
    from harness.values.verdict import Verdict

    here = pairs.base.environment
    moved = [
        v.case for v in found.verdicts if v.metric == "kernel_us" and v.verdict in (Verdict.SLOWER, Verdict.FASTER)
    ]
    if not moved or here is None or not here.compute_capability or not here.triton:
        return ()
    try:
        questions = [pairs.plan.questions[side.word] for side in (pairs.base, pairs.head)]
        return binaries(pairs.base, pairs.head, questions, moved, here.compute_capability)
    except HarnessError as error:  # the verdict stands without it
        remark(f"binaries of the changed cases: {error}")
        return ()


def _profile_both(pairs: Pairs, found: Comparison) -> None:
    """Profile each side once where a decode changed: after the verdict, in processes that time nothing."""
    from harness.runner.measuring_lock import measuring_lock
    from harness.values.verdict import Verdict

    if any(v.metric == "decode_us" and v.verdict in (Verdict.SLOWER, Verdict.FASTER) for v in found.verdicts):
        with measuring_lock(remark):
            for side in (pairs.base, pairs.head):
                side.profile()


def stored_sides(comparison: Comparison, store: Store) -> tuple[StoredSide, StoredSide]:
    """Both sides of the comparison just measured, with the profiles that were taken after the verdict."""
    from harness.compare import StoredSide

    base, head = (StoredSide(store.load(side.run), side.arm) for side in (comparison.base, comparison.head))
    return base, head


@contextmanager
def interruptible(kept: Callable[[], str] | str) -> Iterator[None]:
    """End the command on ^C or SIGTERM, with one line that names the data kept."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"interrupted; {kept if isinstance(kept, str) else kept()}", file=sys.stderr, flush=True)
        raise typer.Exit(ExitStatus.INTERRUPTED) from None


def _kept(pairs: list[Pairs]) -> str:
    ids = [side.record.run_id for side in (pairs[0].base, pairs[0].head) if side.record.run_id] if pairs else []
    if len(ids) < 2:
        return "nothing was measured"
    return f"{pairs[0].budget.valid} pairs are kept: harness compare {' '.join(ids)}"
