"""The half of `harness compare` that compiles and runs nothing: `--static`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from harness.cli.compare_live import interruptible
from harness.cli.quiet import is_quiet, remark

if TYPE_CHECKING:
    from harness.runner.live_sides import Live
    from harness.store import Store


def command(live: Live, store: Store, targets: list[str], device: str, as_json: bool, markdown: str) -> None:
    """Compile both sides, show the differences and end with the status of the comparison."""
    from harness.cli.progress import RunProgress
    from harness.runner.compare_static import TARGETS, compare_static

    with interruptible("nothing was compared"), RunProgress() as progress:
        found = compare_static(
            live, store, targets or TARGETS, remark, device=device or None,
            report=lambda word, done, of: progress(word, "compile", done, of),
        )  # fmt: skip
    if markdown:
        from harness.cli.output_file import write_markdown
        from harness_reports.pages.static_comparison import markdown as as_markdown

        write_markdown(markdown, as_markdown(found))
    if as_json:
        from harness_reports.documents.comparisons import static_text

        print(static_text(found))
    elif markdown != "-":
        from harness_reports.formats.console import show
        from harness_reports.pages.static_comparison import render, summary

        show((summary if is_quiet() else render)(found))
    raise typer.Exit(int(found.exit_status))
