"""`harness store`: create, upgrade, check, copy, dump and prune run stores; `harness push`: copy runs into a team's
store."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Store

app = typer.Typer(help="Create, upgrade, check, copy, dump and prune run stores.", no_args_is_help=True)

Location = Annotated[str, typer.Argument(help="A file or a database URL.")]


@app.command()
def create(store: Store = "") -> None:
    """Create the tables of a store. A team's database needs this command; the first run creates a file by itself."""
    from harness.store import database
    from harness.store.store import url_of
    from harness.store.tables import STORE_VERSION

    url = url_of(store)
    made = database.create(url)
    print(f"{database.shown(url)}: {'made' if made else 'is a run store'}, version {STORE_VERSION}")


@app.command()
def upgrade(store: Store = "") -> None:
    """Upgrade a store of an older harness to this version. A file is copied first."""
    from harness.store import database
    from harness.store.store import url_of
    from harness.store.tables import STORE_VERSION

    url = url_of(store)
    before, copy = database.upgrade(url)
    if before == STORE_VERSION:
        print(f"{database.shown(url)}: version {before} already")
    else:
        kept = f"; as it was: {copy}" if copy else ""
        print(f"{database.shown(url)}: version {before} to {STORE_VERSION}{kept}")


@app.command()
def check(store: Store = "") -> None:
    """Read every row of a store. Names damaged rows and rows that belong to no run; exit status 5 where there are
    any."""
    from harness.errors import CaseFailed
    from harness.store import Store as RunStore
    from harness.store.checking import check as check_rows
    from harness.store.copying import refuse_missing

    opened = RunStore(store)
    refuse_missing(opened)
    rows, problems = check_rows(opened)
    for problem in problems:
        print(problem)
    if problems:
        raise CaseFailed(f"{opened.location}: {len(problems)} of {rows:,} rows have impossible values")
    print(f"{opened.location}: {rows:,} rows, all readable")


@app.command()
def copy(source: Location, target: Location) -> None:
    """Copy all runs and attempts from one store into another. Those already there stay unchanged."""
    from harness.store import Store as RunStore
    from harness.store.copying import copy as copy_runs
    from harness.store.copying import refuse_missing, refuse_same

    first, second = RunStore(source), RunStore(target)
    refuse_missing(first)
    refuse_same(first, second)
    done = copy_runs(first, second)
    left = f", {done.running} still running" if done.running else ""
    print(f"{second.location}: {done.runs} runs copied, {done.there} there before{left}; {done.attempts} attempts")
    _end_by(done.refused)


@app.command()
def dump(
    file: Annotated[Path, typer.Argument(help="The file to write: .jsonl or .jsonl.gz.")], store: Store = ""
) -> None:
    """Write every run as a line of JSON. `harness import` reads it back, run by run."""
    from harness.store import Store as RunStore
    from harness.store.copying import refuse_missing
    from harness.store.dump import dump as write_lines

    opened = RunStore(store)
    refuse_missing(opened)
    runs, pruned = write_lines(opened, file)
    left = f"; {pruned} pruned ones have no samples to write" if pruned else ""
    print(f"{file}: {runs} runs of {opened.location}{left}")


@app.command()
def prune(
    older_than: Annotated[float, typer.Option(min=0, help="Days since the run's start.")],
    yes: Annotated[bool, typer.Option("--yes", help="Remove the data; default: only list it.")] = False,
    store: Store = "",
) -> None:
    """Remove the bulk data of old runs and keep their points. Tagged runs and the evidence of every verdict stay."""
    from harness.store import Store as RunStore
    from harness.store.copying import refuse_missing
    from harness.store.pruning import prunable
    from harness.store.pruning import prune as remove

    opened = RunStore(store)
    refuse_missing(opened)
    found = prunable(opened, older_than)
    kept = "".join(f"; {count} {reason}" for reason, count in found.kept.items())
    what = f"samples and texts of {len(found.runs):,} runs, {found.size / 1e6:,.1f} MB; their points stay"
    stay = f"\nold enough, but kept: {kept[2:]}" if kept else ""
    if yes:
        remove(opened, found.runs)
        print(f"{opened.location}: removed {what}{stay}")
    else:
        print(f"{opened.location}: would remove {what}{stay}\n--yes removes them")


def push(
    run: Annotated[list[str] | None, typer.Argument(help="`last`, ids, tags; default: all finished runs.")] = None,
    share: Annotated[
        str, typer.Option("--share", envvar="HARNESS_SHARED", help="The team's store: a database URL or a file.")
    ] = "",
    store: Store = "",
) -> None:
    """Copy runs from the local store into the team's. Each arrives once, however often it is pushed."""
    from harness.errors import HarnessError
    from harness.store import Store as RunStore
    from harness.store.copying import copy as copy_runs
    from harness.store.copying import refuse_same
    from harness.store.outbox import sent

    if not share:
        raise HarnessError("--share: no store named; name the team's, or set HARNESS_SHARED")
    local = RunStore(store)
    wanted = {local.load_identified(name)[1] for name in run} if run else {found.uuid for found in local.runs()}
    team = RunStore(share)
    refuse_same(local, team)
    done = copy_runs(local, team, wanted)
    sent(local, {one.uuid for one in team.runs()} & wanted)
    left = f", {done.running} still running" if done.running else ""
    print(f"{team.location}: {done.runs} runs pushed, {done.there} there before{left}")
    _end_by(done.refused)


def _end_by(refused: Sequence[str]) -> None:
    """Name the runs that did not arrive. Raises CaseFailed where there are any."""
    from harness.errors import CaseFailed

    for one in refused:
        print(f"not taken: {one}", file=sys.stderr)
    if refused:
        raise CaseFailed(f"{len(refused)} of the runs did not arrive; the others did")
