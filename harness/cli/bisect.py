"""`harness bisect`: find the commit that made a case slower or faster."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.options import AsJson, Store
from harness.cli.sharing import Share


def command(
    case: Annotated[str, typer.Argument(help="Part of a case's id, as for -k; it must match one case.")],
    good: Annotated[str, typer.Argument(help="The older commit, before the change.")],
    bad: Annotated[str, typer.Argument(help="The newer commit, after the change.")],
    suite: Annotated[str, typer.Option(help="Suite file; default: the only one.")] = "",
    budget: Annotated[
        float, typer.Option(min=0, help="Seconds for comparing both ends and confirming the answer; 0: the suite's.")
    ] = 0,
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds per process; 0: timer default.")] = 0,
    store: Store = "",
    share: Share = "",
    as_json: AsJson = False,
) -> None:
    """Find the commit that changed a case. Exit status 0: found, 3: only a range found or not reproducible, 5: every
    commit is broken."""
    from harness.bisect.live import Bisection
    from harness.cli.compare_live import interruptible
    from harness.cli.progress import RunProgress
    from harness.cli.quiet import is_quiet
    from harness.errors import ExitStatus
    from harness.runner.stage import Options
    from harness.store import Store as RunStore
    from harness.values.bisect import BisectResult
    from harness.values.stage import TIMED

    options = Options(processes=0, stages=TIMED, rounds=rounds or None)
    kept = "every pair is stored; the same command resumes there"
    with interruptible(lambda: kept), RunProgress(stages=False) as progress:
        search = Bisection(case, good, bad, suite, RunStore(store), options, progress, progress.say, budget or None)
        found = search.run(lambda step: progress.say(f"{step.commit.hash[:9]}: {step.state.value}"))
    if as_json:
        from harness_reports.documents.encoding import of, text
        from harness_reports.documents.stored import BisectDocument

        print(text(of(BisectDocument, found)))
    else:
        from harness_reports.formats.console import show
        from harness_reports.formats.terminal_table import Titled
        from harness_reports.tables.bisect import answer, steps

        show(answer(found))
        if found.steps and not is_quiet():
            show(Titled(steps(found)))
    status = {BisectResult.FOUND: ExitStatus.OK, BisectResult.BROKEN: ExitStatus.CASE_FAILED}
    raise typer.Exit(int(status.get(found.result, ExitStatus.UNDECIDED)))
