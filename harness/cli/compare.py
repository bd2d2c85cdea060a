"""`harness compare`: two revisions, trees, arms or stored runs, to verdicts and an exit status."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.compare_program import At, File, Read, Setup, TimeLimit, Unit, program_of
from harness.cli.options import Arms, AsJson, Gpus, Match, Note, Store, csv, refuse
from harness.cli.quiet import is_quiet
from harness.cli.sharing import Share
from harness.cli.words_after import PROGRAM
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.compare.explain import Explanation
    from harness.runner.live_sides import Live
    from harness.store import Store as RunStore
    from harness.values.verdict import Comparison, FailOn

SIDE = "A revision or `.`, measured now; or a stored run: `last`, an id, a tag, a file. `:ARM` selects one arm."
ACCEPT = "Comma-separated conditions that may differ, such as torch,triton; they are shown."
SUITE = "Suite file, for sides that are measured now; default: the only one."
TARGET = "With --static: architectures, comma-separated [sm_80,sm_90]."
DEVICE = "With --static: read the tuned files of this GPU, such as nvidia-h100-80gb-hbm3."
IDENTICAL = "Also measure cases that run the same code on both sides."
FAIL_ON = "Gated cases that fail: slower, new (slower and not accepted), undecided, or none [slower,undecided]."
PYTHONS = "Interpreters, comma-separated; each other one is compared with the first. BASE and HEAD default to `.`."
NOT_STATIC = "for what is measured; --static measures nothing"
STATIC = "Compile the Triton cases of both sides, without a GPU; run nothing."


def command(
    ctx: typer.Context,
    base: Annotated[str, typer.Argument(help=SIDE)] = "",
    head: Annotated[str, typer.Argument(help="The other side, in the same notation.")] = "",
    accept: Annotated[str, typer.Option(help=ACCEPT)] = "",
    suite: Annotated[str, typer.Option(envvar="HARNESS_SUITE", help=SUITE)] = "",
    match: Match = "",
    arms: Arms = "",
    budget: Annotated[float, typer.Option(min=0, help="Seconds for measuring; 0: the suite's.")] = 0,
    base_python: Annotated[str, typer.Option(help="Interpreter of the base side, with its own torch and Triton.")] = "",
    head_python: Annotated[str, typer.Option(help="Interpreter of the head side.")] = "",
    pythons: Annotated[str, typer.Option(help=PYTHONS)] = "",
    measure_identical: Annotated[bool, typer.Option("--measure-identical", help=IDENTICAL)] = False,
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds per process; 0: timer default.")] = 0,
    gpus: Gpus = 1,
    fail_on: Annotated[str, typer.Option(help=FAIL_ON)] = "",
    static: Annotated[bool, typer.Option("--static", help=STATIC)] = False,
    target: Annotated[list[str] | None, typer.Option(help=TARGET)] = None,
    device: Annotated[str, typer.Option(help=DEVICE)] = "",
    html: Annotated[Path | None, typer.Option(help="With --pythons: write a page to this file.")] = None,
    markdown: Annotated[str, typer.Option(help="Write Markdown to this file; - prints it instead of text.")] = "",
    read: Read = "",
    at: At = "",
    unit: Unit = "",
    file: File = "",
    setup: Setup = "",
    time_limit: TimeLimit = 0,
    note: Note = "",
    store: Store = "",
    share: Share = "",
    as_json: AsJson = False,
) -> None:
    """Compare revisions, arms or runs. Status 0: pass, 1: regression, 3: undecided, 4: not comparable, 5: failed."""
    from harness.history.gating import failing, gated
    from harness.runner.live_sides import Live
    from harness.store import Store as RunStore

    _check_output(as_json, markdown, None if pythons else html)
    (base, head), fails = _named(base, head, pythons), failing(fail_on)
    runs, targets = RunStore(store), [name for several in target or () for name in csv(several)]
    program = program_of(ctx.meta.get(PROGRAM), read, at, unit, file, setup, time_limit)
    live = Live(base, head, suite, match, tuple(csv(arms)), (base_python, head_python), program=program)
    timed = {"budget": budget, "rounds": rounds, "measure_identical": measure_identical, "m": note, "gpus": gpus > 1}
    of_suites = {"arms": arms, "base_python": base_python, "head_python": head_python, "pythons": pythons, "k": match}
    if program is not None:
        refuse("of a suite; behind `--` stands a program", suite=suite, static=static, **of_suites)
    if static:
        from harness.cli import compare_static

        refuse(NOT_STATIC, accept=accept, fail_on=fail_on, pythons=pythons, **timed)
        return compare_static.command(live, runs, targets, device, as_json, markdown)
    refuse("for --static, which compiles and runs nothing", target=targets, device=device)
    if _are_stored(base, head, runs):
        refuse("for sides that are measured; these are stored runs", **{"--": program, **of_suites, **timed})
        found = _judged(base, head, runs, csv(accept))
    else:
        asked, shown = (csv(accept), budget, measure_identical, gpus), (html, markdown, as_json)
        found = _measured(live, csv(pythons), runs, asked, rounds or None, note, fails, shown)
    raise typer.Exit(_show(gated(found[0], fails, runs), found[1], markdown, as_json))


def _check_output(as_json: bool, markdown: str, page_of_one: Path | None) -> None:
    refuse("of --pythons; `harness report HEAD --against BASE` writes the page of two sides", html=page_of_one)
    if as_json and markdown == "-":
        raise HarnessError("--json and --markdown -: both go to standard output; name a file for one of them")


def _named(base: str, head: str, pythons: str) -> tuple[str, str]:
    """Both sides by name; with --pythons the working tree where none is named."""
    if not (base and head) and not pythons:
        raise HarnessError(f"{'HEAD' if base else 'BASE and HEAD'}: missing; `harness compare main .`, say")
    return base or ".", head or base or "."


def _measured(
    live: Live, pythons: list[str], runs: RunStore, asked: tuple[list[str], float, bool, int], rounds: int | None,
    note: str, fails: tuple[FailOn, ...], shown: tuple[Path | None, str, bool],
) -> tuple[Comparison, Explanation]:  # fmt: skip
    """asked: as `compare_live.terms` takes them. Several interpreters are shown here, and end the command."""
    if pythons:
        from harness.cli import compare_pythons

        compare_pythons.command(live, pythons, runs, asked, rounds, note, fails, *shown)
    from harness.cli.compare_live import measure, stored_sides, terms
    from harness.compare.explain import explained

    comparison, binaries = measure(live, runs, terms(live, *asked), rounds, note)
    return comparison, explained(comparison, stored_sides(comparison, runs), binaries)


def _judged(base: str, head: str, runs: RunStore, accept: list[str]) -> tuple[Comparison, Explanation]:
    from harness.compare import compare, load_sides
    from harness.compare.explain import explained

    sides = load_sides(base, head, runs)
    comparison = compare(*sides, accept=accept)
    return comparison, explained(comparison, sides, ())


def _are_stored(base: str, head: str, runs: RunStore) -> bool:
    """Return True where both sides are stored runs, False where both are measured now. Raises HarnessError for one of
    each."""
    from harness.compare import is_stored
    from harness.runner.live_sides import check_revision

    stored = [is_stored(side, runs) for side in (base, head)]
    if any(stored) and not all(stored):
        kept, now = (base, head) if stored[0] else (head, base)
        check_revision(now)
        raise HarnessError(
            f"{kept} is a stored run and {now} would be measured now: no pairs. Name a revision in place of {kept}; "
            f"or measure {now} as a run, where it is checked out (`harness run SUITE --processes 4`), and name that"
        )
    return all(stored)


def _show(comparison: Comparison, explanation: Explanation, markdown: str, as_json: bool) -> int:
    """Show the comparison and return its exit status.

    Raises NotComparable instead of printing text about two runs that are not comparable.
    """
    if markdown:
        from harness.cli.output_file import write_markdown
        from harness_reports.pages.comparison_markdown import render as as_markdown

        write_markdown(markdown, as_markdown(comparison, explanation=explanation))
    if as_json:
        from harness_reports.documents.comparisons import comparison_text

        print(comparison_text(comparison, explanation))
    elif not comparison.comparable:
        raise _refusal(comparison)
    elif markdown != "-":
        from harness_reports.formats.console import show
        from harness_reports.pages.comparison import render, summary

        show(summary(comparison) if is_quiet() else render(comparison, explanation))
    return int(comparison.exit_status)


def _refusal(comparison: Comparison) -> Exception:
    from harness.errors import NotComparable

    differ = "; ".join(difference.words for difference in comparison.differences)
    fields = ",".join(dict.fromkeys(difference.field for difference in comparison.differences))
    return NotComparable(
        f"runs {comparison.base.run} and {comparison.head.run} are not comparable: {differ} (or --accept {fields})"
    )
