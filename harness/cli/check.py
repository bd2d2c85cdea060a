"""`harness check`: check a suite and the correctness of everything that it names. Nothing is timed or stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import Arms, AsJson, Match, csv, refuse
from harness.cli.quiet import remark
from harness.plain_text import visible

if TYPE_CHECKING:
    from harness.values.run import Run
    from harness.values.suite import Suite

TUNED = "Compile tuned configurations of another Triton with that release and the installed one; run nothing."


def command(
    suite: Annotated[Path, typer.Argument(help="Suite file (YAML).")],
    arms: Arms = "",
    match: Match = "",
    static: Annotated[
        bool, typer.Option("--static", help="Check the file alone: names, types, signatures. Needs no torch.")
    ] = False,
    tuned: Annotated[bool, typer.Option("--tuned", help=TUNED)] = False,
    device: Annotated[
        str, typer.Option(help="With --tuned: device whose files are read; default: this machine's.")
    ] = "",
    target: Annotated[str, typer.Option(help="With --tuned: architecture, such as sm_90; default: the GPU's.")] = "",
    wheels: Annotated[Path | None, typer.Option(help="With --tuned: install old Tritons from this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a suite, then check each case against its reference. The reference is computed in float32; nothing is
    timed."""

    from harness.plan import expand
    from harness.suite.load import load_suite
    from harness.values.environment import Environment
    from harness.values.suite import Plan

    loaded = load_suite(suite)
    refuse("for --tuned, which compiles", device=() if tuned else device, target=() if tuned else target)
    if tuned:
        return _check_tuned(loaded, match, device, target, wheels)
    plan = expand(loaded, arms=csv(arms) or None, match=match or None)
    remark(f"{suite}: {len(plan.cases)} cases, all names known")
    if static:
        return

    def make_plan(environment: Environment) -> Plan:
        return expand(
            loaded, arms=plan.arms, match=match or None, device_slug=environment.slug, triton=environment.triton
        )

    from harness.cli.progress import RunProgress
    from harness.runner.execute import check_cases

    with RunProgress() as progress:
        run = check_cases(loaded, make_plan, progress)
    _show(run, as_json)


def _check_tuned(suite: Suite, match: str, device: str, target: str, wheels: Path | None) -> None:
    """Exit with 5 where a configuration no longer compiles, 1 where a gating metric got worse."""
    from harness.cli.compare_live import interruptible
    from harness.compilers.old_choices import check_choices
    from harness.device.probe import slug_here
    from harness.errors import ExitStatus, HarnessError
    from harness.static.target import present_target
    from harness_reports.pages.old_choices import render

    target = target or present_target() or ""
    if not target:
        raise HarnessError(
            "--target: no GPU is here to take it from; allowed: an architecture, such as sm_90 or gfx942"
        )
    with interruptible("nothing was kept"):
        found = check_choices(suite, device or slug_here(), target, wheels, remark, match or None)
    print(*map(visible, render(found)), sep="\n")
    worst = max((choice.verdict.gate for choice in found.choices), default=ExitStatus.OK)
    if worst:
        raise typer.Exit(int(worst))


def _show(run: Run, as_json: bool) -> None:
    """Show the result of each case; exit with 5 where one is wrong or failed, or where none could be checked."""
    from harness.cli.execute import refuse_empty
    from harness.errors import ExitStatus
    from harness.values.measurement import Status

    if as_json:
        from harness_reports.documents.runs import run_text

        print(run_text(run))
    else:
        from harness_reports.pages.findings import checked

        print(*map(visible, checked(run.measurements)), sep="\n")
    bad = [m for m in run.measurements if m.status not in (Status.OK, Status.UNSUPPORTED)]
    if bad:
        raise typer.Exit(ExitStatus.CASE_FAILED)
    refuse_empty(run)
