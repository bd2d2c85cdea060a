"""`harness compare`: two stored runs, or two arms of one, to verdicts and an exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.options import AsJson, Store, csv

if TYPE_CHECKING:
    from harness.values.verdict import CaseVerdict, Comparison

SCHEMA = 1


def command(
    base: Annotated[
        str, typer.Argument(help="`last`, `last~1`, an id, a tag or an exported file; with `:ARM` for one arm.")
    ],
    head: Annotated[str, typer.Argument(help="The other side, named like the first.")],
    accept: Annotated[
        str, typer.Option(help="Comma-separated conditions that may differ, such as torch,triton; they are shown.")
    ] = "",
    store: Store = "",
    as_json: AsJson = False,
) -> None:
    """Say what became slower or faster: 0 no regression, 1 regression, 3 undecided, 4 not comparable, 5 failed."""
    from harness.compare import compare, load_sides
    from harness.store import Store as RunStore

    comparison = compare(*load_sides(base, head, RunStore(store)), accept=csv(accept))
    if as_json:
        import msgspec

        print(msgspec.json.encode(document(comparison)).decode())
    elif not comparison.comparable:
        raise _refusal(comparison)
    else:
        from harness import reports_root

        reports_root.bind()
        from harness_reports.comparison import render
        from harness_reports.terminal import console

        console().print(render(comparison))
    raise typer.Exit(int(comparison.exit_status))


def document(comparison: Comparison) -> dict[str, Any]:
    """The versioned JSON of a comparison."""
    return {
        "schema": SCHEMA,
        "base": comparison.base,
        "head": comparison.head,
        "comparable": comparison.comparable,
        "differences": comparison.differences,
        "verdicts": [_verdict(verdict) for verdict in comparison.verdicts],
        "notes": comparison.notes,
        "exit_status": int(comparison.exit_status),
    }


def _verdict(v: CaseVerdict) -> dict[str, Any]:
    ratio = v.ratio
    return {
        "case": v.case,
        "metric": v.metric,
        "verdict": v.verdict,
        "gated": v.gated,
        "base": v.base,
        "head": v.head,
        "ratio": ratio.value if ratio else None,
        "low": ratio.low if ratio else None,
        "high": ratio.high if ratio else None,
        "confidence": ratio.confidence if ratio else None,
        "pairs": ratio.n if ratio else 0,
        "level": ratio.level if ratio else None,
        "reason": v.reason,
        "needed": v.needed,
        "smallest_percent": v.smallest_percent,
    }


def _refusal(comparison: Comparison) -> Exception:
    from harness.errors import NotComparable

    differ = "; ".join(comparison.differences)
    fields = ",".join(dict.fromkeys(text.partition(":")[0].partition(" of ")[0] for text in comparison.differences))
    return NotComparable(
        f"runs {comparison.base.run} and {comparison.head.run} are not comparable: {differ} (or --accept {fields})"
    )
