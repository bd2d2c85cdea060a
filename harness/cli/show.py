"""`harness show`: the stored runs, one run, or the source text that it measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from harness.cli.options import UNSAID, AsJson, Store

if TYPE_CHECKING:
    from harness.store import Store as RunStore
    from harness.store.naming import Summary
    from harness.values.run import Run


BARE = ("--source", "--diff")
NOTE = 48
"""Characters of a note in the list of runs; a comparison notes the files that were changed."""


class Command(TyperCommand):
    """`--source` and `--diff` may stand without a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = []
        for word, following in zip(args, [*args, "--"][1:], strict=True):
            given += [word, UNSAID] if word in BARE and following.startswith("-") else [word]
        return list(super().parse_args(ctx, given))


def command(
    run: Annotated[
        str, typer.Argument(help="`last`, `last~1`, an id, a tag or a file; `try`, `try:7`; all runs when left out.")
    ] = "",
    source: Annotated[
        str, typer.Option(help="Print the source text of the variant of this case (or a part of its id).")
    ] = "",
    diff: Annotated[
        str, typer.Option(help="Of an attempt: its text against another attempt's, or the file as it is now.")
    ] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Show what is stored."""
    from harness.store import Store as RunStore

    runs = RunStore(store)
    if run == "try" or run.startswith("try:"):
        from harness.cli.attempt_show import show

        show(run, source, diff, runs, as_json)
        return
    if not run:
        _list(runs, as_json)
        return
    found = runs.load(run)
    if source:
        print(_source(found, source), end="")
    elif as_json:
        from harness.cli.as_json import run_as_json

        print(run_as_json(found))
    else:
        from harness import reports_root

        reports_root.bind()
        from harness_reports.terminal import console, render
        from harness_reports.view import build

        console().print(render(build(found)))


def _list(runs: RunStore, as_json: bool) -> None:
    summaries = runs.runs()
    if as_json:
        import msgspec

        print(msgspec.json.encode({"schema": 1, "runs": summaries}).decode())
        return
    if not summaries:
        print(f"no runs in {runs.location}; `harness run SUITE` makes one")
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from harness import reports_root

    reports_root.bind()
    from harness_reports.figures import clean
    from harness_reports.terminal import console

    devices = {s.device for s in summaries}
    shown = ["run", "started, UTC", "suite", "state", "cases", "note"]
    shown += ["device"] if len(devices) > 1 else []
    shown += ["tags"] if any(s.tags for s in summaries) else []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in shown:
        table.add_column(heading, overflow="fold", no_wrap=heading in ("run", "started, UTC", "state", "cases"))
    for s in summaries:
        cells = {
            "run": s.id, "started, UTC": s.started[:16].replace("T", " "), "suite": s.suite, "state": s.state,
            "cases": _cases(s), "note": clean(s.note, NOTE), "device": s.device, "tags": " ".join(s.tags),
        }  # fmt: skip
        table.add_row(*(Text(clean(cells[heading])) for heading in shown))
    console().print(table)
    if len(devices) == 1:
        console().print(Text(f"all on {clean(devices.pop())}"))


def _cases(found: Summary) -> str:
    """How many, and how far a run got that was ended. A sweep chooses its cases as it goes: those that it confirmed."""
    if not found.cases:
        return str(found.measured)
    return str(found.cases) if found.state == "complete" else f"{found.measured} of {found.cases}"


def _source(run: Run, part: str) -> str:
    from harness.errors import HarnessError
    from harness.match import select

    with_source = {m.case.id: m for m in run.measurements if m.source in run.sources}
    if not with_source:
        raise HarnessError(f"--source: run {run.id} measured no case, so it keeps no source text")
    hits = [with_source[case] for case in select("" if part == UNSAID else part, list(with_source), "--source")]
    texts = {m.source: m for m in hits if m.source}
    if len(texts) > 1:
        raise HarnessError(f"--source {part}: several variants: {', '.join(m.case.id for m in texts.values())}")
    return run.sources[next(iter(texts))]
