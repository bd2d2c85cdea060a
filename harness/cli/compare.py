"""`harness compare`: two revisions, trees, arms or stored runs, to verdicts and an exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import Arms, AsJson, Match, Note, Store, csv, refuse
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.compare.explain import Explanation
    from harness.values.static_comparison import StaticCase
    from harness.values.verdict import Comparison


def command(
    base: Annotated[
        str,
        typer.Argument(
            help="A revision or `.`, measured now; or a stored run: `last`, an id, a tag, a file. `:ARM` for one arm."
        ),
    ],
    head: Annotated[str, typer.Argument(help="The other side, named like the first.")],
    accept: Annotated[
        str, typer.Option(help="Comma-separated conditions that may differ, such as torch,triton; they are shown.")
    ] = "",
    suite: Annotated[
        str, typer.Option(envvar="HARNESS_SUITE", help="Suite file, for sides that are measured; else the only one.")
    ] = "",
    match: Match = "",
    arms: Arms = "",
    budget: Annotated[float, typer.Option(min=0, help="Seconds that measuring may take; 0: as the suite says.")] = 0,
    base_python: Annotated[str, typer.Option(help="Interpreter of the base side, with its own torch and Triton.")] = "",
    head_python: Annotated[str, typer.Option(help="Interpreter of the head side.")] = "",
    measure_identical: Annotated[
        bool, typer.Option("--measure-identical", help="Measure cases that run the same code on both sides, too.")
    ] = False,
    rounds: Annotated[int, typer.Option(min=0, help="Interleaved rounds per process; 0: the timer's default.")] = 0,
    static: Annotated[
        bool, typer.Option("--static", help="Compile the Triton cases of both sides, without a GPU; run nothing.")
    ] = False,
    target: Annotated[
        list[str] | None, typer.Option(help="With --static: architectures, comma-separated [sm_80,sm_90].")
    ] = None,
    device: Annotated[
        str, typer.Option(help="With --static: the GPU whose tuned files are read, such as nvidia-h100-80gb-hbm3.")
    ] = "",
    markdown: Annotated[str, typer.Option(help="Write Markdown to this file; - prints it in place of the text.")] = "",
    note: Note = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Say what became slower or faster. Status 0 nothing, 1 regression, 3 undecided, 4 not comparable, 5 failed."""
    import msgspec

    from harness.compare import compare, is_stored, load_sides
    from harness.compare.explain import explain
    from harness.runner.live_sides import Live, check_revision
    from harness.store import Store as RunStore

    runs = RunStore(store)
    targets = [name for several in target or () for name in csv(several)]
    if as_json and markdown == "-":
        raise HarnessError("--json and --markdown -: both go to standard output; name a file for one of them")
    if static:
        from harness.cli import compare_static

        refuse(
            "for what is measured; --static measures nothing",
            accept=accept, budget=budget, rounds=rounds, measure_identical=measure_identical, m=note,
        )  # fmt: skip
        live = Live(base, head, suite, match, tuple(csv(arms)), (base_python, head_python))
        return compare_static.command(live, runs, targets, device, as_json, markdown)
    refuse("for --static, which compiles and runs nothing", target=targets, device=device)
    binaries: tuple[StaticCase, ...] = ()
    stored = [is_stored(side, runs) for side in (base, head)]
    if all(stored):
        refuse(
            "for sides that are measured; these are stored runs",
            arms=arms, budget=budget, base_python=base_python, head_python=head_python, rounds=rounds,
            measure_identical=measure_identical, k=match, m=note,
        )  # fmt: skip
        sides = load_sides(base, head, runs)
        comparison = compare(*sides, accept=csv(accept))
    elif any(stored):
        kept, now = (base, head) if stored[0] else (head, base)
        check_revision(now)
        raise HarnessError(
            f"{kept} is a stored run and {now} would be measured now: no pairs. Name a revision in place of {kept}; "
            f"or measure {now} as a run, where it is checked out (`harness run SUITE --processes 4`), and name that"
        )
    else:
        from harness.cli.compare_live import UNDER_TEST, measure, stored_sides
        from harness.runner.paired import Terms

        live = Live(base, head, suite, match, tuple(csv(arms)), (base_python, head_python))
        under_test = UNDER_TEST if base_python or head_python else ()
        terms = Terms(
            budget_s=budget or None, gated_only=not match, measure_identical=measure_identical,
            accept=(*csv(accept), *under_test),
        )  # fmt: skip
        comparison, binaries = measure(live, runs, terms, rounds or None, note)
        sides = stored_sides(comparison, runs)
    times = {v.case: v.verdict for v in comparison.verdicts if v.is_time}
    explanation = msgspec.structs.replace(explain(*sides, times), binaries=binaries)
    _show(comparison, explanation, markdown, as_json)
    raise typer.Exit(int(comparison.exit_status))


def _show(comparison: Comparison, explanation: Explanation, markdown: str, as_json: bool) -> None:
    """Raises NotComparable in place of text about two runs that are not."""
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
        from harness_reports.pages.comparison import render

        show(render(comparison, explanation))


def _refusal(comparison: Comparison) -> Exception:
    from harness.errors import NotComparable

    differ = "; ".join(difference.words for difference in comparison.differences)
    fields = ",".join(dict.fromkeys(difference.field for difference in comparison.differences))
    return NotComparable(
        f"runs {comparison.base.run} and {comparison.head.run} are not comparable: {differ} (or --accept {fields})"
    )
