"""One decode under several engines: us per step of each category, and the difference from the first trace.

Usage: engines.py STEPS TRACE TRACE..., with traces of `harness profile --engine ... --steps STEPS --keep-traces`.

Or: engines.py suite FILE writes the large suite with its arm `fused`, in which no kernel starts early. A kernel that
starts early waits for the one before it, so that its time depends on who launches both.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from harness import kernels_root
from harness.trace import breakdown, load_rules
from harness.values.profile import Profile

ROOT = Path(__file__).resolve().parents[2]


def table(names: Sequence[str], profiles: Sequence[Profile]) -> list[str]:
    """Lines of a table. A category that the first profile lacks has no difference."""
    sums = [{row.name: row.total_ns / 1e3 / profile.steps for row in profile.categories} for profile in profiles]
    order = sorted({name for of in sums for name in of}, key=lambda name: -max(of.get(name, 0.0) for of in sums))
    lines = [f"{'us per step':<28}" + "".join(f"{name[-26:]:>28}" for name in names)]
    for category in order:
        base = sums[0].get(category, 0.0)
        cells = [f"{of.get(category, 0.0):,.1f}{_change(of.get(category, 0.0), base)}" for of in sums]
        lines.append(f"{category:<28}" + "".join(f"{cell:>28}" for cell in cells))
    totals = [sum(of.values()) for of in sums]
    cells = [f"{total:,.1f}{_change(total, totals[0])}" for total in totals]
    lines.append(f"{'total':<28}" + "".join(f"{cell:>28}" for cell in cells))
    for title, part, whole in (
        ("uncategorised", "uncategorised_ns", "gpu_sum_ns"),
        ("attributed", "attributed_ns", "kernel_sum_ns"),
        ("mapped back", "mapped_ns", "replayed_ns"),
    ):
        cells = [_share(getattr(profile, part), getattr(profile, whole)) for profile in profiles]
        lines.append(f"{title:<28}" + "".join(f"{cell:>28}" for cell in cells))
    for rows in ("layers", "scopes"):
        lines.append(f"{rows:<28}" + "".join(f"{len(getattr(profile, rows)):>28}" for profile in profiles))
    for name, profile in zip(names, profiles, strict=True):
        lines.append(f"data quality of {name}: {profile.data_quality or 'nothing to say'}")
        left = [row for row in profile.kernels if profile.replayed_ns and not row.scope.count("@")]
        lines += [f"  not mapped: {row.name[:80]} {row.calls} x, {row.total_ns / 1e3:,.1f} us" for row in left[:12]]
    return lines


def _change(value: float, base: float) -> str:
    return f" ({100 * (value / base - 1):+.1f} %)" if base and value != base else ""


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"


def write_suite(file: Path) -> None:
    text = (ROOT / "suites" / "qwen3_5_moe.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("overlap_second: true", "overlap_second: false"), encoding="utf-8")


def main(steps: str, *traces: str) -> None:
    if steps == "suite":
        return write_suite(Path(traces[0]))
    kernels_root.bind(ROOT / "kernels")
    found = [breakdown(trace, load_rules(), steps=int(steps)) for trace in traces]
    print("\n".join(table([Path(trace).name.removesuffix(".json.gz") for trace in traces], found)))


if __name__ == "__main__":
    main(*sys.argv[1:])
