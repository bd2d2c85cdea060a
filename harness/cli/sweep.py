"""`harness sweep`: verify and time the configurations of a suite's sweep space, confirm and register the fastest for
this device."""

from __future__ import annotations

import importlib
import re
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from harness.cli.options import AsJson, Match, Note, Store, csv, refuse
from harness.cli.quiet import is_quiet, remark
from harness.cli.sharing import Share
from harness.errors import CaseFailed, ExitStatus, HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.sweep.options import Options
    from harness.values.suite import Plan
    from harness.values.sweep import SweepResult
    from harness.worker.launch import Ahead

SEARCH = "Search strategy; default: exhaustive below 100 configurations, guided from there on."
PIPED_WIDTH = 140
"""Width in columns when the output is not a terminal: enough for a whole row."""


def command(
    suite: Annotated[Path, typer.Argument(help="Suite file (YAML).")],
    match: Match = "",
    tokens: Annotated[str, typer.Option(help="Tokens of a call; several: comma-separated.")] = "1",
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds of each pass; 0: as many as needed.")] = 0,
    again: Annotated[bool, typer.Option("--again", help="Time stored configurations again.")] = False,
    compile_only: Annotated[bool, typer.Option("--compile-only", help="Compile all, without a GPU, and stop.")] = False,
    target: Annotated[str, typer.Option(help="Architecture to compile for (sm_90); default: the GPU's.")] = "",
    carried: Annotated[Path | None, typer.Option(help="JSON of --compile-only: skip the ones it pruned.")] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Processes that compile; 0: one per core.")] = 0,
    limit_s: Annotated[float, typer.Option(min=0, help="Seconds to compile one configuration; 0: the default.")] = 0,
    processes: Annotated[int, typer.Option(min=2, help="Fresh processes that confirm the choice.")] = 4,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler; its workers time.")] = "",
    ship: Annotated[int, typer.Option(min=0, help="Choose N with the least worst-case loss over the whole store.")] = 0,
    emit: Annotated[Literal["", "triton", "vllm"], typer.Option(help="Print the choice for another program.")] = "",
    search: Annotated[Literal["", "guided", "exhaustive"], typer.Option(help=SEARCH)] = "",
    budget: Annotated[str, typer.Option(help="Time for the whole sweep (15s, 2m); takes the best found.")] = "",
    recheck: Annotated[bool, typer.Option("--recheck", help="Time tuned configurations and neighbours.")] = False,
    untrusted: Annotated[bool, typer.Option("--untrusted", help="Write tuned files though times disagree.")] = False,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write every configuration to this file.")] = None,
    charts: Annotated[Path | None, typer.Option(help="Write the landscape and other charts to this folder.")] = None,
    allow_failure: Annotated[bool, typer.Option("--allow-failure", help="Exit with 0 whatever fails.")] = False,
    note: Note = "",
    store: Store = "",
    share: Share = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Find the fastest correct configurations in a tuning space. Tuned files keep them; arms use them as `tuned`."""
    if compile_only:
        from harness.cli import sweep_static

        refuse(
            "for what is timed; --compile-only times nothing",
            again=again, rounds=rounds, scheduler=scheduler, carried=carried, ship=ship, csv=csv_file,
            charts=charts, m=note, untrusted=untrusted, search=search, budget=budget, recheck=recheck,
        )  # fmt: skip
        plan = _plan(suite, match, tokens)
        return sweep_static.compile_only(plan, target, jobs, limit_s, allow_failure, as_json, emit)
    if target:
        raise HarnessError(f"--target {target}: allowed with --compile-only; a sweep compiles for the GPU that times")
    from harness.sweep.options import Options
    from harness.worker.launch import Ahead

    options = Options(
        rounds=rounds or None, again=again, jobs=jobs or None, limit_s=limit_s or None, processes=processes,
        scheduler=scheduler, note=note, untrusted=untrusted, search=search, budget_s=_budget_s(budget, search, recheck),
        recheck=recheck,
    )  # fmt: skip
    with nullcontext() if scheduler else Ahead(own_session=True) as ahead:
        plan = _plan(suite, match, tokens)
        if carried is not None:
            from harness.static.sweep import carry

            count = carry(carried, plan)
            remark(f"{carried}: {count} configurations were pruned there")
        with _unfinished(allow_failure):
            result = _swept(plan, options, store, ahead)
    _show(result, plan, as_json, emit, ship, store)
    _write(result, csv_file, charts)
    _leave(result, allow_failure, said=not (as_json or emit))


@contextmanager
def _unfinished(allow_failure: bool) -> Iterator[None]:
    """End the command where a sweep is stopped, or where it finds no correct configuration: with 0 where
    `allow_failure`, else CaseFailed goes on."""
    try:
        yield
    except KeyboardInterrupt:
        print("stopped: the times so far are stored; the same command resumes there", file=sys.stderr)
        raise typer.Exit(ExitStatus.INTERRUPTED) from None
    except CaseFailed as error:
        if not allow_failure:
            raise
        print(f"FAILED, allowed by --allow-failure: {error}", file=sys.stderr)
        raise typer.Exit(0) from None


def _write(result: SweepResult, csv_file: Path | None, charts: Path | None) -> None:
    """Print where the tuned files are and write the files that options name. Raises HarnessError for a file that could
    not be written."""
    from harness.cli.output_file import write

    for path in result.written:
        remark(f"wrote {path}")
    for what in result.withheld:
        print(f"{what}: no tuned file; --untrusted writes it", file=sys.stderr)
    if csv_file is not None:
        from harness_reports.formats import csv_table
        from harness_reports.tables.sweep import configurations

        write("--csv", csv_file, csv_table.render(configurations(result)))
    if charts is not None:
        from harness_reports.charts.sweep_charts import draw_sweep

        for name, svg in draw_sweep(result).items():
            write("--charts", charts / name, svg, make_folder=True)
    if result.unwritten:
        raise HarnessError(
            f"tuned files that could not be written (the sweep is stored): {'; '.join(result.unwritten)}"
        )


def _counts(text: str) -> tuple[int, ...]:
    counts = csv(text)
    if not counts or not all(count.isdigit() and int(count) > 0 for count in counts):
        raise HarnessError(f"--tokens {text}: allowed: whole numbers above 0, comma-separated")
    return tuple(dict.fromkeys(int(count) for count in counts))


def _plan(suite: Path, match: str, tokens: str) -> Plan:
    from harness.plan import sweep_plan
    from harness.suite.load import load_suite

    return sweep_plan(load_suite(suite), match=match or None, tokens=_counts(tokens))


def _budget_s(text: str, search: str, recheck: bool) -> float | None:
    """Seconds of `15`, `15s`, `1.5m`. Refuses options that a recheck does not take."""
    if recheck and (search or text):
        raise HarnessError(
            f"--{'search' if search else 'budget'}: for a sweep; --recheck times all of the few it names"
        )
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|)", text)
    if found is None or float(found[1]) == 0:
        raise HarnessError(f"--budget {text}: allowed: seconds or minutes above 0, such as 15s or 2m")
    return float(found[1]) * (60 if found[2] == "m" else 1)


def _swept(plan: Plan, options: Options, store: str, ahead: Ahead | None) -> SweepResult:
    from harness.cli.progress import RunProgress
    from harness.store import Store as RunStore
    from harness.sweep.sweep import sweep

    Thread(target=_import_pages).start()
    with RunProgress() as progress:
        return sweep(plan, RunStore(store), options, progress, ahead)


def _import_pages() -> None:
    """Import the modules that show the result while the command waits for the device."""
    for name in ("harness_reports.formats.console", "harness_reports.pages.sweep"):
        importlib.import_module(name)


def _show(result: SweepResult, plan: Plan, as_json: bool, emit: str, ship: int, store: str) -> None:
    from harness.sweep.ship import shipped_for

    shipped = {}
    if ship:
        from harness.store import Store as RunStore

        shipped = shipped_for(result, RunStore(store), ship)
    if emit:
        from harness.suite.catalogue import kernels_of
        from harness.sweep.emit import emitted

        print(emitted(result, emit, shipped, kernels_of(plan.suite)))
        return
    if as_json:
        from harness_reports.documents.sweeps import sweep_text

        print(sweep_text(result, shipped))
    else:
        from harness_reports.formats.console import show
        from harness_reports.pages.sweep import render, render_shipped, summary

        ships = [render_shipped(place, chosen) for place, chosen in shipped.items()]
        show((summary if is_quiet() else render)(result), *ships, columns=PIPED_WIDTH)


def _leave(result: SweepResult, allow_failure: bool, said: bool) -> None:
    """Exit with 5 where a configuration is wrong, 3 where the times cannot be trusted. said: the table shows the
    warnings already."""
    from harness.values.measurement import Status

    status = None
    if any(row.measurement.status in (Status.INCORRECT, Status.INVALID) for row in result.configurations):
        status = ExitStatus.CASE_FAILED
    elif any(question.trusted is False for question in result.questions):
        status = ExitStatus.UNDECIDED
    if status is None:
        return
    for line in () if said else result.warnings:
        print(f"warning: {line}", file=sys.stderr)
    if allow_failure:
        what = "FAILED" if status is ExitStatus.CASE_FAILED else "NOT TO BE TRUSTED"
        print(f"{what}, allowed by --allow-failure: exit status {int(status)} became 0", file=sys.stderr)
        return
    raise typer.Exit(status)
