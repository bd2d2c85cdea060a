"""Notes on a folder that `compare.sh` made, with every figure from its files: `compare_notes.py FOLDER` prints them.

processes.csv: noise between processes. *-base.json.gz, *-head.json.gz: the runs, judged anew. commands.csv: duration of
each command. *.progress.txt: time of each decision.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from noise import agreement, label_of, read, spread

from harness.compare import StoredSide, compare
from harness.store import read_exported
from harness.values.run import Run
from harness.values.verdict import CaseVerdict, Comparison

LOOK = re.compile(r"\d+ pairs: \d+ of \d+ cases decided, \d+ s")
"""A comparison's line at each interim look at its pairs. The seconds count from its start."""


class Judged(NamedTuple):
    """One comparison whose two runs lie in the folder."""

    label: str
    base: Run
    head: Run
    found: Comparison

    @property
    def times(self) -> list[CaseVerdict]:
        """The verdicts on times, the largest change first."""
        times = [v for v in self.found.verdicts if v.is_time]
        return sorted(times, key=lambda v: -abs(v.ratio.value - 1) if v.ratio else 0.0)


def judged(folder: Path) -> list[Judged]:
    """Every comparison of the folder, in the order of their start. Calibrations are left out."""
    found = []
    for path in folder.glob("*-base.json.gz"):
        runs = [read_exported(path.with_name(path.name.replace("-base.", f"-{side}.")))[0] for side in ("base", "head")]
        base, head = runs
        if base.pairing is None or head.pairing is None or base.pairing.purpose != "compare":
            continue
        comparison = compare(StoredSide(base, base.pairing.arm), StoredSide(head, head.pairing.arm))
        found.append(Judged(label_of(base), base, head, comparison))
    return sorted(found, key=lambda one: (one.base.started, one.label))


def notes(folder: Path) -> str:
    """The whole page, in Markdown."""
    comparisons = judged(folder)
    rows = read(folder / "processes.csv")
    environment = next((one.base.environment for one in comparisons if one.base.environment), None)
    machine = "no comparison is stored here"
    if environment is not None:
        versions = f"torch {environment.torch}, Triton {environment.triton}, driver {environment.driver}"
        machine = f"{environment.device_name}, {versions}"
    alike = [one for one in comparisons if one.label.startswith("aa")]
    others = [one for one in comparisons if not one.label.startswith("aa")]
    return "\n\n".join(
        [
            "# Notes on this sample",
            f"{machine}. Made by `reports/samples/compare.sh`; every figure here comes from the files beside it\n"
            "(`reports/samples/compare_notes.py`), the verdicts from the stored runs.",
            "## Differences between fresh processes of identical code",
            *_bullets(spread(rows)),
            "## Identical code in two worktrees",
            *_bullets(agreement(rows)),
            *[_table(alike)] * bool(alike),
            "## Code and arms that differ",
            *[_table(others)] * bool(others),
            "## Durations",
            *_bullets(_durations(folder)),
        ]
    ).rstrip() + "\n"  # fmt: skip


def _bullets(lines: Sequence[str]) -> list[str]:
    return ["\n".join(f"- {line}" for line in lines)] if lines else ["Nothing was measured."]


def _table(comparisons: Iterable[Judged]) -> str:
    lines = [
        "| comparison | case | base | head | ratio, interval | pairs | verdict |",
        "|---|---|---:|---:|---|---:|---|",
    ]
    for one in comparisons:
        for v in one.times:
            pairs = v.ratio.n if v.ratio else 0
            lines.append(
                f"| {one.label} | {v.case} | {_us(v.base)} | {_us(v.head)} | {_ratio(v)} | {pairs} | "
                f"{v.verdict}{'' if v.gated else ', not gated'} |"
            )
    return "\n".join(lines)


def _us(value: float | None) -> str:
    return "" if value is None else f"{value:.4g} us"


def _ratio(v: CaseVerdict) -> str:
    if v.ratio is None:
        return ""
    low, high = 100 * (v.ratio.low - 1), 100 * (v.ratio.high - 1)
    return f"{100 * (v.ratio.value - 1):+.2f} % [{low:+.2f}, {high:+.2f}] at {100 * v.ratio.confidence:.3g} %"


def _looks(progress: Path) -> list[str]:
    lines = progress.read_text().splitlines() if progress.is_file() else []
    return [line for line in lines if LOOK.fullmatch(line)]


def _durations(folder: Path) -> list[str]:
    path = folder / "commands.csv"
    if not path.is_file():
        return []
    commands: dict[str, list[dict[str, str]]] = {}  # a command continued in a later call has several rows
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            commands.setdefault(row["name"], []).append(row)
    rows = read(folder / "processes.csv")
    pairs = {(row["label"], row["comparison"], row["process"]) for row in rows if row["side"] == "base"}
    lines = []
    for name, calls in commands.items():
        many = sum(label == name for label, _, _ in pairs)
        measured = f", {many} pairs" if many else ""
        seconds = " + ".join(call["seconds"] for call in calls)
        lines.append(f"{name}: {seconds} s{measured}, exit status {' and '.join(call['status'] for call in calls)}")
        lines += [f"{name} at {look}" for look in _looks(folder / f"{name}.progress.txt")]
    alike = [float(call["seconds"]) for name, calls in commands.items() if name.startswith("aa") for call in calls]
    if alike and "four" in commands:
        times = max(alike) / max(1.0, float(commands["four"][-1]["seconds"]))
        lines.append(f"the longest comparison of identical code took {times:.1f} times as long as `four`")
    return lines


if __name__ == "__main__":
    print(notes(Path(sys.argv[1])), end="")
