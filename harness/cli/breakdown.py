"""`harness breakdown`: where the time of a torch.profiler trace went, by category and kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import AsJson

if TYPE_CHECKING:
    from rich.table import Table

    from harness.values.profile import Profile


def command(
    traces: Annotated[list[Path], typer.Argument(help="Traces: .json, .json.gz or an archive, recognised by content.")],
    categories: Annotated[
        Path | None, typer.Option(help="Category rules (YAML) that come before the shipped ones.")
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="Kernels to list.")] = 12,
    as_json: AsJson = False,
) -> None:
    """Break the GPU time of a trace down (CPU self time where it has no GPU)."""
    from harness import kernels_root
    from harness.trace import breakdown, load_rules

    kernels_root.bind(kernels_root.installed())
    rules = load_rules(*([categories] if categories else []))
    for trace in traces:
        profile = breakdown(trace, rules)
        if as_json:
            import msgspec

            document = {"schema": 1, "trace": str(trace), **msgspec.to_builtins(profile)}
            print(msgspec.json.encode(document).decode())
        else:
            _show(trace, profile, top)


def _show(trace: Path, profile: Profile, top: int) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    what = "GPU time" if profile.device == "cuda" else "CPU self time (the trace has no GPU rows)"
    sum_ms, busy_ms, span_ms = (ns / 1e6 for ns in (profile.gpu_sum_ns, profile.gpu_busy_ns, profile.span_ns))
    console.print(Text(f"{trace.name} · {what}"))
    console.print(Text(f"sum {sum_ms:,.3f} ms · busy {busy_ms:,.3f} ms of {span_ms:,.3f} ms from first to last"))
    columns = ["Category", "Calls", "Total (ms)", "% GPU" if profile.device == "cuda" else "% CPU"]
    rows = [[c.name, f"{c.calls:,}", _ms(c.total_ns), _share(c.total_ns, profile)] for c in profile.categories]
    console.print(_table(columns, rows))
    if top and profile.kernels:
        columns = ["Kernel" if profile.device == "cuda" else "Op", "Category", "Calls", "Total (ms)"]
        rows = [[_short(k.name), k.category, f"{k.calls:,}", _ms(k.total_ns)] for k in profile.kernels[:top]]
        console.print(_table(columns, rows))
    if profile.kernel_count:
        console.print(
            Text(
                f"{100 * profile.attributed_ns / max(1, profile.kernel_sum_ns):.1f} % of kernel time has a launching op"
            )
        )
    for name, count in profile.data_quality.items():
        console.print(Text(f"data quality: {name.replace('_', ' ')}: {count:,}"))


def _ms(total_ns: int) -> str:
    return f"{total_ns / 1e6:,.3f}"


def _share(total_ns: int, profile: Profile) -> str:
    return f"{100 * total_ns / profile.gpu_sum_ns:.1f}" if profile.gpu_sum_ns else "-"


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:52]}…{name[-25:]}"


def _table(columns: list[str], rows: list[list[str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        number = column in ("Calls", "Total (ms)") or column.startswith("%")
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
