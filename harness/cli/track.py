"""`harness track`: measure the new commits of a branch, and the gaps between older ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Arms, AsJson, Match, Note, Store, csv


def command(
    suite: Annotated[Path, typer.Argument(help="Suite file (YAML), as it is in the repository.")],
    since: Annotated[str, typer.Option(help="Measure commits after this one, by first parents.")],
    until: Annotated[str, typer.Option(help="The newest commit.")] = "HEAD",
    budget: Annotated[
        float, typer.Option(min=0, help="Start no further commit after this many seconds; 0: no limit.")
    ] = 0,
    most: Annotated[int, typer.Option(min=0, help="Measure this many commits; 0: all.")] = 0,
    arms: Arms = "",
    match: Match = "",
    processes: Annotated[int, typer.Option(min=1, help="Repeat every case in this many fresh processes.")] = 1,
    only: Annotated[str, typer.Option(help="Only these of kernels,decode,figures.")] = "kernels,decode,figures",
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds per process; 0: timer default.")] = 0,
    note: Note = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Measure the commits of a branch that have no run here.

    The newest comes first, then the middle of each remaining gap, by halving.
    """
    from harness.bisect.live import commits_between
    from harness.cli.changes_shown import show_known
    from harness.cli.compare_live import interruptible
    from harness.cli.execute import end
    from harness.cli.progress import RunProgress
    from harness.errors import HarnessError
    from harness.history.reading import read
    from harness.history.track import Tracking, refuse_unknown
    from harness.machines.here import machine_here
    from harness.revisions import repository_of
    from harness.revisions.git import commit_of
    from harness.runner.stage import Options, stages_named
    from harness.store import Store as RunStore

    file = suite.resolve()
    repository = repository_of(file.parent) if file.parent.is_dir() else None
    if repository is None:
        raise HarnessError(f"{suite}: in no git repository; a history is of the commits of one")
    _, commits = commits_between(repository, since, until, own_line=False)
    refuse_unknown(repository, file, commit_of(repository, until))
    stored = RunStore(store)
    options = Options(processes=processes, stages=stages_named(csv(only)), rounds=rounds or None, note=note)
    kept = "the finished measurements are kept; the same command resumes there"
    with interruptible(lambda: kept), RunProgress() as progress:
        tracking = Tracking(
            repository, file, commits, machine_here(), stored, options, progress, progress.say, match,
            tuple(csv(arms)), budget or None, most or None,
        )  # fmt: skip
        runs = tracking.run()
        progress.say(f"{len(runs)} of {len(commits)} commits were measured now")
    known = read(stored, match, file.stem)
    show_known(known, as_json)
    end(tracking.failed)
