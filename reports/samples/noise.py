"""Differences between fresh processes of identical code, from a file with a row for each process and case.

`noise.py CSV` prints standard deviation, correlation of neighbours, the share that the cases of a process have in
common, and modes. For comparisons of identical code, it prints how far their cases lie apart, in units of their
standard error. `noise.py CSV STORE [FOLDER]` first appends the processes of a store's calibrations and comparisons that
the file does not have yet, and writes each of these runs to the folder.
"""

from __future__ import annotations

import csv
import math
import re
import statistics
import sys
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from pathlib import Path

from harness.stats import process_medians
from harness.stats.modes import LEAST_PROCESSES, two_modes
from harness.store import Store, export_run
from harness.values.run import Run

CONDITIONS = ("device", "driver", "torch", "triton")
COLUMNS = ("comparison", "label", "purpose", "side", "worktrees", "process", "position", "started", "wall_s",
           *CONDITIONS, "commit", "identical", "case", "median_us")  # fmt: skip
LEAST = 4
"""Fewest processes of a case for a statement on it."""
MOST_PAIRS_SHOWN = 3
Row = dict[str, str]


def label_of(run: Run) -> str:
    """The label of the measurement, which ends its note."""
    return re.sub(r"[^\w-]+", "-", run.note.rpartition(": ")[2]) or "run"


def rows_of(run: Run) -> Iterable[Row]:
    """One row for each process and case. A disturbed process has none."""
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
                pairing.comparison, label_of(run), pairing.purpose, pairing.side, pairing.worktrees, process,
                slot.position, slot.started, f"{slot.wall_s:.2f}", environment.device_uuid or environment.device_name,
                environment.driver, environment.torch, environment.triton, pairing.tree.commit,
                pairing.purpose == "calibrate" or m.case.id in pairing.identical, m.case.id, f"{median:.6g}",
            )  # fmt: skip
            yield dict(zip(COLUMNS, map(str, facts), strict=True))


def read(path: Path) -> list[Row]:
    """The rows of a file, or none without a file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, rows: Iterable[Row]) -> list[Row]:
    """The file's rows plus the ones that it lacked. Rows of one process keep their place."""
    known = read(path)
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


def pool(rows: Iterable[Row]) -> list[Row]:
    """The processes that ran identical code, in the order of their start.

    These are the processes of calibrations, of cases with the same code on both sides, and every other process of the
    same commit under the same conditions. The changed code of a comparison has another commit.
    """
    ordered = sorted(rows, key=lambda row: row["started"])
    same = {_code(row) for row in ordered if row["identical"] == "True" and row["commit"]}
    return [row for row in ordered if row["identical"] == "True" or _code(row) in same]


def _code(row: Row) -> tuple[str, ...]:
    return row["case"], row["commit"], *(row[name] for name in CONDITIONS)


def deviations(rows: Iterable[Row]) -> dict[str, dict[str, tuple[str, float]]]:
    """By case and start of the process: its conditions, and ln(median) minus the mean over all processes under these
    conditions."""
    found: dict[str, dict[str, tuple[str, float]]] = {}
    for row in rows:
        conditions = " ".join(row[name] for name in CONDITIONS)
        found.setdefault(row["case"], {})[row["started"]] = conditions, math.log(float(row["median_us"]))
    for case, values in found.items():
        means = {
            there: statistics.fmean(value for other, value in values.values() if other == there)
            for there in {there for there, _ in values.values()}
        }
        found[case] = {at: (there, value - means[there]) for at, (there, value) in values.items()}
    return found


def spread(rows: Sequence[Row]) -> list[str]:
    """A line for each case of the pool, and the variation that its processes have in common."""
    by_case = {case: values for case, values in deviations(pool(rows)).items() if len(values) >= LEAST}
    lines = []
    for case, at in by_case.items():
        values = [value for _, value in at.values()]
        machines = len({there for there, _ in at.values()})
        degrees = len(values) - machines
        sd = 100 * math.sqrt(sum(x * x for x in values) / degrees)
        where = f" on {machines} machines" if machines > 1 else ""
        lines.append(
            f"{case}: {len(values)} processes{where}, SD {sd:.2f} ± {sd / math.sqrt(2 * degrees):.2f} %, "
            f"neighbours {_neighbours(list(at.values())):+.2f} ± {1 / math.sqrt(len(values)):.2f}, {_modes(values)}"
        )
    return [*lines, *_in_common(by_case)]


def _modes(values: Sequence[float]) -> str:
    if len(values) < LEAST_PROCESSES:
        return f"too few to tell modes (from {LEAST_PROCESSES})"
    return "two modes" if two_modes(values) else "one mode"


def _neighbours(values: Sequence[tuple[str, float]]) -> float:
    """Lag-1 autocorrelation between neighbours on the same machine."""
    total = sum(x * x for _, x in values)
    return sum(x * y for (a, x), (b, y) in pairwise(values) if a == b) / total if total else 0.0


def _in_common(by_case: dict[str, dict[str, tuple[str, float]]]) -> list[str]:
    """Correlation between the cases of one process."""
    found = []
    for (one, a), (two, b) in combinations(by_case.items(), 2):
        both = [(a[at][1], b[at][1]) for at in a if at in b]
        if len(both) >= LEAST:
            found.append((len(both), _correlation(both), f"{one} and {two}"))
    found.sort(key=lambda entry: -entry[0])
    lines = [
        f"common to {which}: correlation {r:+.2f} ± {(1 - r * r) / math.sqrt(n - 1):.2f} over {n} processes"
        for n, r, which in found[: MOST_PAIRS_SHOWN if len(found) <= MOST_PAIRS_SHOWN else 1]
    ]
    if len(found) > MOST_PAIRS_SHOWN:
        all_r = [r for _, r, _ in found]
        lines.append(
            f"common to any two of {len(by_case)} cases: mean correlation {statistics.fmean(all_r):+.2f}, from "
            f"{min(all_r):+.2f} to {max(all_r):+.2f} over {len(found)} pairs of cases"
        )
    return lines


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    first, second = zip(*pairs, strict=True)
    return statistics.correlation(first, second) if len(set(first)) > 1 < len(set(second)) else 0.0


def agreement(rows: Sequence[Row]) -> list[str]:
    """RMS of (mean - mean over the cases) / standard error, over comparisons that measured identical code.

    The value for independent normal noise stands beside it. It is above 1, because a standard error from few pairs is
    often too small. Noise that all cases share lowers the RMS.
    """
    medians: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for row in rows:
        if row["purpose"] == "compare" and row["identical"] == "True":
            cases = medians.setdefault(row["comparison"], {})
            cases.setdefault(row["case"], {}).setdefault(row["process"], {})[row["side"]] = float(row["median_us"])
    z: list[float] = []
    by_chance: list[float] = []
    lines = []
    for name, cases in medians.items():
        ratios = [_log_ratios(processes) for processes in cases.values()]
        ratios = [values for values in ratios if len(values) >= LEAST and len(set(values)) > 1]
        if len(ratios) < 2:
            continue
        over_cases = statistics.fmean(statistics.fmean(values) for values in ratios)
        for values in ratios:
            z.append((statistics.fmean(values) - over_cases) / (statistics.stdev(values) / math.sqrt(len(values))))
            by_chance.append((1 - 1 / len(ratios)) * (len(values) - 1) / (len(values) - 3))
        pairs = max(map(len, ratios))
        lines.append(
            f"identical code in comparison {name[:8]}: {len(ratios)} cases, up to {pairs} pairs, mean over cases "
            f"{100 * math.expm1(over_cases):+.3f} %"
        )
    if not z:
        return []
    rms = math.sqrt(statistics.fmean(x * x for x in z))
    return [
        *lines,
        f"identical code, {len(lines)} comparisons, {len(z)} cases: RMS of (mean - mean over cases) / SE {rms:.2f}, "
        f"from independent noise about {math.sqrt(statistics.fmean(by_chance)):.2f}",
    ]


def _log_ratios(processes: dict[str, dict[str, float]]) -> list[float]:
    return [math.log(sides["head"] / sides["base"]) for sides in processes.values() if {"base", "head"} <= sides.keys()]


def take(store: Store, path: Path, folder: Path | None) -> list[Row]:
    """Append a store's processes, and write its runs: `LABEL-COMPARISON-SIDE.json.gz`, others `LABEL-run-UUID`."""
    rows = []
    for summary in store.runs():
        run = store.load(summary.id)
        rows += list(rows_of(run))
        if folder is not None:
            which = f"{run.pairing.comparison[:8]}-{run.pairing.side}" if run.pairing else f"run-{summary.uuid[:8]}"
            export_run(run, summary.uuid, folder / f"{label_of(run)}-{which}.json.gz")
    return append(path, rows)


def main(path: Path, store: str = "", folder: str = "") -> None:
    rows = take(Store(store), path, Path(folder) if folder else None) if store else read(path)
    print(*spread(rows), *agreement(rows), sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:4])
