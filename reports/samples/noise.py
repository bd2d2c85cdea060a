"""What fresh processes of identical code differ by, from a store of calibrations and comparisons.

`noise.py STORE CSV` appends one row for each process and case that the file does not have yet, and prints what the
whole file says: standard deviation, correlation of neighbours, the share that is common to the cases of a process,
modes; and of identical code that was compared, how far its cases lie apart, in units of their standard error.
"""

from __future__ import annotations

import csv
import math
import statistics
import sys
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from pathlib import Path

from harness.compare.paired_runs import paired_runs
from harness.stats import process_medians
from harness.stats.modes import two_modes
from harness.store import Store
from harness.values.run import Run

COLUMNS = ("comparison", "purpose", "side", "worktrees", "process", "position", "started", "device", "driver", "torch",
           "triton", "commit", "identical", "case", "median_us")  # fmt: skip
Row = dict[str, str]


def rows_of(run: Run) -> Iterable[Row]:
    """One row for each process and case."""
    pairing, environment = run.pairing, run.environment
    if pairing is None or environment is None:
        return
    slots = {(slot.process, slot.stage): slot for slot in run.slots}
    for m in run.measurements:
        stage = "kernels" if m.case.kind == "kernel" else "decode"
        processes = sorted({sample.process for sample in m.samples})
        for process, median in zip(processes, process_medians(m.samples), strict=True):
            slot = slots.get((process, stage))
            if slot is None or slot.disturbed:
                continue
            facts = (
                pairing.comparison, pairing.purpose, pairing.side, pairing.worktrees, process, slot.position,
                slot.started, environment.device_uuid or environment.device_name, environment.driver, environment.torch,
                environment.triton, pairing.tree.commit,
                pairing.purpose == "calibrate" or m.case.id in pairing.identical, m.case.id, f"{median:.6g}",
            )  # fmt: skip
            yield dict(zip(COLUMNS, map(str, facts), strict=True))


def append(path: Path, rows: Iterable[Row]) -> list[Row]:
    """The file's rows with those that it did not have; rows of one process keep their place."""
    known: list[Row] = []
    if path.exists():
        with path.open(newline="") as file:
            known = list(csv.DictReader(file))
    keys = {_key(row) for row in known}
    fresh = [row for row in rows if _key(row) not in keys]
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not known:
            writer.writeheader()
        writer.writerows(fresh)
    return [*known, *fresh]


def _key(row: Row) -> tuple[str, ...]:
    return row["comparison"], row["side"], row["process"], row["case"]


def spread(rows: Sequence[Row]) -> list[str]:
    """A line for each case, of processes that ran identical code, in the order in which they started."""
    by_case: dict[str, dict[str, float]] = {}
    for row in sorted(rows, key=lambda row: row["started"]):
        if row["identical"] == "True":
            by_case.setdefault(row["case"], {})[row["started"]] = math.log(float(row["median_us"]))
    lines = []
    for case, logs in by_case.items():
        values = list(logs.values())
        if len(values) < 4:
            continue
        modes = "two modes" if two_modes(values) else "one mode"
        sd = 100 * statistics.stdev(values)
        error = sd / math.sqrt(2 * (len(values) - 1))
        noise = f"SD {sd:.2f} ± {error:.2f} %, neighbours {_neighbours(values):+.2f}, {modes}"
        lines.append(f"{case}: {len(values)} processes, {noise}")
    for (one, a), (two, b) in combinations(by_case.items(), 2):
        common = [(a[at], b[at]) for at in a if at in b]
        if len(common) >= 4:
            lines.append(
                f"common to {one} and {two}: correlation {_correlation(common):+.2f} over {len(common)} processes"
            )
    return lines


def _neighbours(values: Sequence[float]) -> float:
    """Lag-1 autocorrelation."""
    centre = statistics.fmean(values)
    total = sum((x - centre) ** 2 for x in values)
    return sum((x - centre) * (y - centre) for x, y in pairwise(values)) / total if total else 0.0


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    first, second = zip(*pairs, strict=True)
    return statistics.correlation(first, second) if len(set(first)) > 1 < len(set(second)) else 0.0


def agreement(runs: Sequence[Run]) -> list[str]:
    """Of comparisons that measured identical code: RMS of (mean - mean over the cases) / standard error."""
    z: list[float] = []
    comparisons = 0
    for base, head in combinations(runs, 2):
        pairs = paired_runs(base, head)
        if pairs is None or pairs.pairing.purpose != "compare":
            continue
        theirs = {m.case.id: m for m in head.measurements if m.samples and m.case.id in pairs.pairing.identical}
        ratios = [
            pairs.log_ratios(m, theirs[m.case.id]) for m in base.measurements if m.case.id in theirs and m.samples
        ]
        ratios = [values for values in ratios if len(values) > 2]
        if len(ratios) < 2:
            continue
        comparisons += 1
        over_cases = statistics.fmean(statistics.fmean(values) for values in ratios)
        for values in ratios:
            z.append((statistics.fmean(values) - over_cases) / (statistics.stdev(values) / math.sqrt(len(values))))
    if not z:
        return []
    rms = math.sqrt(statistics.fmean(x * x for x in z))
    return [
        f"identical code, {comparisons} comparisons, {len(z)} cases: RMS of (mean - mean over cases) / SE {rms:.2f}"
    ]


def main(store: str, path: Path) -> None:
    found = Store(store)
    runs = [found.load(summary.id) for summary in found.runs() if summary.purpose]
    rows = append(path, (row for run in runs for row in rows_of(run)))
    print(*spread(rows), *agreement(runs), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
