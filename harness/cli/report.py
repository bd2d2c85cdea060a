"""`harness report`: stored runs as pages, charts, tables and files for other programs. Needs no torch."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import Store, csv

if TYPE_CHECKING:
    from harness.compare.explain import Explanation
    from harness.store import Store as RunStore
    from harness.values.run import Run
    from harness.values.verdict import Comparison
    from harness_reports.views.history_view import Slim


def command(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...", help="last, last~1, an id, a tag or an exported file; several: side by side."
        ),
    ] = None,
    out: Annotated[
        str, typer.Option(help="Folder for the files [.harness/reports/RUN]; - prints one page instead.")
    ] = "",
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            help="Only these of md,html,svg,png,pr,csv,json,hud,tables.csv. With --out -: one of them, or text.",
        ),
    ] = "",
    pr: Annotated[bool, typer.Option("--pr", help="Write the pull-request comment: the same as --format pr.")] = False,
    against: Annotated[str, typer.Option(help="Base to compare the run with, named as in `harness compare`.")] = "",
    accept: Annotated[str, typer.Option(help="With --against: conditions that may differ, such as torch,triton.")] = "",
    history: Annotated[int, typer.Option(min=0, help="Earlier complete runs of the suite to chart in the page.")] = 0,
    site: Annotated[str, typer.Option(help="Folder for static pages: index, each RUN [all], trends.")] = "",
    store: Store = "",
) -> None:
    """Write the report of a stored run: Markdown, HTML, charts. Several runs are shown side by side; --site covers all
    of them."""
    from harness.errors import HarnessError
    from harness.store import Store as RunStore

    stored = RunStore(store)
    several = len(runs or ()) > 1
    if (site or several) and (against or history or pr):
        raise HarnessError("--against, --history and --pr are for one run; leave them out with several, or with --site")
    wanted = ",".join(filter(None, (formats, "pr" if pr else "")))
    if site:
        from harness.cli.site import write_site

        for path in write_site(stored, runs, Path(site)):
            print(path)
    elif several:
        _side_by_side([stored.load(name) for name in runs or ()], out, wanted)
    else:
        name = (runs or ["last"])[0]
        if against:
            run, compared = _compare(stored, against, name, csv(accept))
        else:
            run, compared = stored.load(name), None
        _one(run, compared, _earlier(stored, run, history), out, wanted)


def _one(
    run: Run, compared: tuple[Comparison, Explanation] | None, earlier: tuple[Slim, ...], out: str, formats: str
) -> None:
    from harness_reports.formats import console
    from harness_reports.pages import github, program, pull_request, terminal, write
    from harness_reports.views import view

    ci = os.environ if os.environ.get("GITHUB_ACTIONS") == "true" else None
    comparison, explanation = compared or (None, write.NO_EXPLANATION)
    beside = write.Beside(comparison, earlier, ci, explanation)
    if out == "-":
        sys.stdout.write(write.page(run, write.page_format(formats or "text"), beside))
        return
    wanted = write.checked(csv(formats)) if formats else write.DEFAULT
    shown = view.build(run)
    if sys.stdout.isatty():
        console.show(program.render(run) if run.program else terminal.render(shown))
    if ci is not None:
        github.append_summary(pull_request.render(shown, (), comparison), ci)
        for line in github.commands(shown, comparison, ci):
            print(line, file=sys.stderr)
    for path in write.write(run, Path(out or f".harness/reports/{run.id}"), wanted, beside):
        print(path)


def _compare(stored: RunStore, base: str, head: str, accept: list[str]) -> tuple[Run, tuple[Comparison, Explanation]]:
    """The run of head, and the comparison with its explanation."""
    from harness.compare import compare, load_sides
    from harness.compare.explain import explained

    sides = load_sides(base, head, stored)
    comparison = compare(*sides, accept=accept)
    return sides[1].run, (comparison, explained(comparison, sides, ()))


def _earlier(stored: RunStore, run: Run, most: int) -> tuple[Slim, ...]:
    """Complete runs of the same suite that started before this one, oldest first."""
    if not most:
        return ()
    from harness_reports.views.history_view import slim

    before = [s for s in stored.runs(run.suite) if s.state == "complete" and s.started < run.started]
    before.sort(key=lambda summary: (summary.started, summary.uuid))
    return tuple(slim(stored.load(summary.id)) for summary in before[-most:])


def _side_by_side(runs: list[Run], out: str, formats: str) -> None:
    from harness_reports.formats import console
    from harness_reports.pages import machines_pages, write
    from harness_reports.views import machines

    side = machines.side_by_side(runs)
    if out == "-":
        sys.stdout.write(machines_pages.page(side, formats or "text"))
        return
    if sys.stdout.isatty():
        console.show(machines_pages.render(side))
    folder = Path(out or f".harness/reports/{'-'.join(run.id for run in runs)[:80]}")
    for path in write.save(folder, machines_pages.files(side, csv(formats))):
        print(path)
