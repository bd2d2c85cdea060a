"""The half of `harness compare` that compiles and runs nothing: `--static`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from harness.cli.compare_live import interruptible, say

if TYPE_CHECKING:
    from harness.runner.live_sides import Live
    from harness.store import Store
    from harness.values.static_comparison import StaticComparison

SCHEMA = 1


def command(live: Live, store: Store, targets: list[str], device: str, as_json: bool, markdown: str) -> None:
    """Compiles both sides, shows what differs, ends with its status."""
    from harness.cli.progress import RunProgress
    from harness.runner.compare_static import TARGETS, compare_static

    with interruptible("nothing was compared"), RunProgress() as progress:
        found = compare_static(
            live, store, targets or TARGETS, say, device=device or None,
            report=lambda word, done, of: progress(word, "compile", done, of),
        )  # fmt: skip
    if markdown:
        from harness import reports_root
        from harness.cli.output_file import write_markdown

        reports_root.bind()
        from harness_reports.static_markdown import render as as_markdown

        write_markdown(markdown, as_markdown(found))
    if as_json:
        import msgspec

        print(msgspec.json.encode(document(found)).decode())
    elif markdown != "-":
        from harness import reports_root

        reports_root.bind()
        from harness_reports.formats.console import show
        from harness_reports.static_comparison import render

        show(render(found))
    raise typer.Exit(int(found.exit_status))


def document(found: StaticComparison) -> dict[str, Any]:
    """The versioned JSON: `cases`, each with `kernels` and both sides' binaries."""
    import msgspec

    return {"schema": SCHEMA, "static": True, **msgspec.to_builtins(found), "exit_status": int(found.exit_status)}
