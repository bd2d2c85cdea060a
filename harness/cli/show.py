"""`harness show`: the stored runs, one run, or the source text that it measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from harness.cli.options import UNSAID, AsJson, Store

if TYPE_CHECKING:
    from harness.store import Store as RunStore
    from harness.values.run import Run


BARE = ("--source", "--diff")
LISTED = 100
"""Runs that a terminal shows unless --last gives another number."""


class Command(TyperCommand):
    """A command whose `--source` and `--diff` may be given without a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = []
        for word, following in zip(args, [*args, "--"][1:], strict=True):
            given += [word, UNSAID] if word in BARE and following.startswith("-") else [word]
        return list(super().parse_args(ctx, given))


def command(
    run: Annotated[
        str, typer.Argument(help="`last`, `last~1`, an id, a tag or a file; `try`, `try:7`; default: all runs.")
    ] = "",
    source: Annotated[str, typer.Option(help="Print the source of the variant of this case (or part of its id).")] = "",
    diff: Annotated[
        str, typer.Option(help="For an attempt: diff its source with another attempt's, or with the file as it is now.")
    ] = "",
    last: Annotated[
        int | None, typer.Option(min=0, help="List only this many of the newest runs; 0: all [100; with --json all].")
    ] = None,
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Show stored runs and attempts, or one of them."""
    from harness.store import Store as RunStore

    runs = RunStore(store)
    if run == "try" or run.startswith("try:"):
        from harness.cli import attempt_show

        attempt_show.show(run, source, diff, runs, as_json)
        return
    if not run:
        _list(runs, as_json, last)
        return
    found = runs.load(run)
    if source:
        print(_source(found, source), end="")
        return
    if as_json:
        from harness_reports.documents.runs import run_text

        print(run_text(found))
    else:
        _print(found)


def _print(run: Run) -> None:
    from harness_reports.formats.console import show

    if run.program:
        from harness_reports.pages import program

        show(program.render(run))
    else:
        from harness_reports.pages import terminal
        from harness_reports.views.view import build

        show(terminal.render(build(run)))


def _list(runs: RunStore, as_json: bool, last: int | None) -> None:
    most = last if last is not None else 0 if as_json else LISTED
    summaries = runs.runs(newest=most)
    if as_json:
        from harness_reports.documents.encoding import text
        from harness_reports.documents.stored import RunsDocument

        print(text(RunsDocument(runs=summaries)))
        return
    if not summaries:
        print(f"no runs in {runs.location}; `harness run SUITE` makes one")
        return
    from harness_reports.formats.console import show
    from harness_reports.formats.terminal_table import Shown
    from harness_reports.tables.over_runs import stored

    show(Shown(stored(summaries)))
    if last is None and len(summaries) == most:
        print(f"The newest {most} runs; --last 0 shows all.")


def _source(run: Run, part: str) -> str:
    from harness.errors import HarnessError
    from harness.id_filter import select

    with_source = {m.case.id: m for m in run.measurements if m.source in run.sources}
    if not with_source:
        raise HarnessError(f"--source: run {run.id} measured no case, so it keeps no source text; name another run")
    hits = [with_source[case] for case in select("" if part == UNSAID else part, list(with_source), "--source")]
    texts = {m.source: m for m in hits if m.source}
    if len(texts) > 1:
        raise HarnessError(
            f"--source {part}: several variants; name one of {', '.join(m.case.id for m in texts.values())}"
        )
    return run.sources[next(iter(texts))]
