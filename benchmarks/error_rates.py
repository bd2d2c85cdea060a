"""How often the rule of `harness compare` is wrong, and how soon it is right, under many kinds of noise.

Usage: python -m benchmarks.error_rates [--suites N] [--only TEXT] [--write]

Simulates suites of 20 cases for each row, with the shipped constants and orders (`tests/compare/fast_interim.py`, whose
verdicts a test holds against the shipped code's), and prints a table; --write puts it into METHODOLOGY.md. All
of it, 4,000 suites a row, takes ten minutes of one core.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.compare.policy import Policy
from tests.compare.fast_interim import FASTER, SAME, SLOWER, Outcome, drawn, judge, known_of
from tests.compare.noise import (
    Machine,
    autocorrelated,
    common_offsets,
    drift,
    every,
    every_second_pair,
    heavy_tailed,
    independent,
    lognormal,
    louder,
    n1,
    n2,
    on_and_off,
    own_offsets,
    periodic,
    places_in_a_batch,
    quiet_then_loud,
    second_slower,
    second_slower_by_case,
    sometimes,
    step,
    together,
)

CASES = 20
STRICT = Policy(margin_percent=0.0, same_within_percent=0.0)
BATCH = 500
PAGE = Path(__file__).parents[1] / "METHODOLOGY.md"
BEGIN, END = "<!-- rates:begin -->\n", "<!-- rates:end -->\n"

quiet = independent(0.004)
drifting = together(quiet, drift(0.002), step(0.05))
MACHINES = {
    "normal, 0.4 %": Machine(quiet),
    "the H100's: 0.36 %, three quarters common, uncalibrated": Machine(n2),
    "the H100's, calibrated": Machine(n2, n2),
    "0.4 % and a slow drift (N1), calibrated": Machine(n1, n1),
    "drift of 0.2 % a process, a step of 5 %": Machine(drifting),
    "the same, calibrated when it was quiet": Machine(drifting, quiet),
    "5 % on and off in half of the cases": Machine(together(quiet, on_and_off(0.05, 0.5))),
    "log-normal, sigma 1.2": Machine(lognormal(0.004)),
    "Student's t, 2 degrees": Machine(heavy_tailed(0.002, 2)),
    "Cauchy": Machine(heavy_tailed(0.001, 1)),
    "90 % common to all cases": Machine(independent(0.004, common=0.9)),
    "autocorrelated, 0.9 of 1 %": Machine(autocorrelated(0.01, 0.9)),
    "quiet, then loud": Machine(quiet_then_loud(0.002, 0.01)),
    "10 % of the processes 3 % slower, by case": Machine(together(quiet, sometimes(0.03, 0.1, common=False))),
    "10 % of the processes 3 % slower, in all cases": Machine(together(quiet, sometimes(0.03, 0.1, common=True))),
    "half of the processes 1 % slower": Machine(together(independent(0.001), sometimes(0.01, 0.5, common=True))),
    "a neighbour that comes and goes, 30 %": Machine(together(quiet, on_and_off(0.3, 1.0, common=True))),
    "a neighbour in every 2nd pair, 30 %": Machine(
        together(quiet, every_second_pair(sometimes(0.3, 0.5, common=True)))
    ),
    **{f"every {nth} process 20 % slower": Machine(together(quiet, every(int(nth[0]), 0.2)))
       for nth in ("2nd", "3rd", "4th", "6th", "8th")},
    "a wave over 4 processes, 0.4 %": Machine(together(quiet, periodic(0.004))),
    "a wave over 8 processes, 2 %": Machine(together(quiet, periodic(0.02, 8, common=True))),
    "order 0.3 %, noise 0.4 %": Machine(together(quiet, second_slower(0.003))),
    "order 1 %, noise 0.4 %": Machine(together(quiet, second_slower(0.01))),
    "order 1 %, noise 0.2 %": Machine(together(independent(0.002), second_slower(0.01))),
    "order 1 %, noise 0.1 %": Machine(together(independent(0.001), second_slower(0.01))),
    "the same, calibrated with it": Machine(*[together(independent(0.001), second_slower(0.01))] * 2),
    "order 2 %, noise 0.4 %": Machine(together(quiet, second_slower(0.02))),
    "order 2 %, the H100's": Machine(together(n2, second_slower(0.02))),
    "order 1 %, the H100's, calibrated when there was none": Machine(together(n2, second_slower(0.01)), n2),
    "order 5 %, noise 0.4 %": Machine(together(quiet, second_slower(0.05))),
    "order 1 %, of either sign by case": Machine(together(quiet, second_slower_by_case(0.01))),
    "order 5 % that fades over 3 pairs": Machine(together(quiet, second_slower(0.05, fades_over=3))),
    "1 % over the eight places of a batch": Machine(together(quiet, places_in_a_batch(0.01))),
    "offset 0.3 % a case, the H100's, uncalibrated": Machine(n2, None, own_offsets(0.003)),
    **{f"offset {100 * sd:g} % a case, calibrated": Machine(n2, n2, own_offsets(sd)) for sd in (0.003, 0.01, 0.03)},
    **{f"offset {100 * sd:g} % common, calibrated": Machine(n2, n2, common_offsets(sd)) for sd in (0.003, 0.01)},
    "offset 0.3 % common, calibrated in four worktrees": Machine(n2, n2, common_offsets(0.003), worktrees=4),
    "offset 1 %, half of it common, calibrated": Machine(n2, n2, common_offsets(0.01, 0.5)),
    "offset 3 % of one case, calibrated": Machine(n2, n2, own_offsets(0.03, cases_touched=1)),
    "offset 3 % of five cases, calibrated": Machine(n2, n2, own_offsets(0.03, cases_touched=5)),
    **{f"{count} 3x as noisy as calibrated": Machine(louder(n2, 3, number), n2)
       for count, number in (("1 case", 1), ("5 cases", 5), ("10 cases", 10), ("all cases", None))},
    "1 case 5x as noisy as calibrated": Machine(louder(n2, 5, 1), n2),
}  # fmt: skip
"""The last part of each name says when it was calibrated, if ever. Offsets are standard deviations."""


class Row(NamedTuple):
    """In percent. strict: without a margin and SAME. flagged, strict: of identical suites. wrong: the most that are
    called FASTER in any case where all are 1, 2 or 5 % slower. found, same: of cases, at that change. by_8: of those
    2 % slower, found by 8 pairs."""

    strict: float
    flagged: float
    wrong: float
    same_at_1: float
    found: tuple[float, float, float]
    by_8: float


def simulate(name: str, suites: int) -> Row:
    seed = zlib.crc32(name.encode())
    parts: list[list[Outcome]] = []
    for begin in range(0, suites, BATCH):
        noise, measured = drawn(MACHINES[name], min(BATCH, suites - begin), CASES, seed + begin)
        known = known_of(noise, CASES, CASES)
        changes = [(STRICT, 0.0), *((Policy(), np.log1p(percent / 100)) for percent in (0, 1, 2, 5))]
        parts.append([judge(measured.changed(change), known, policy, CASES) for policy, change in changes])
    strict, same, *slower = (
        Outcome(*(np.concatenate(part) for part in zip(*((o.verdict, o.at) for o in found), strict=True)))
        for found in zip(*parts, strict=True)
    )
    rates = (
        strict.flagged, same.flagged, max(o.any(FASTER) for o in slower), slower[0].share(SAME),
        *(o.share(SLOWER) for o in slower), slower[1].share(SLOWER, by=8),
    )  # fmt: skip
    values = [100 * rate.value for rate in rates]
    return Row(*values[:4], (values[4], values[5], values[6]), values[7])


def line(name: str, row: Row) -> str:
    found = " / ".join(f"{share:.0f}" for share in row.found)
    return (
        f"| {name} | {row.strict:.1f} | {row.flagged:.1f} | {row.wrong:.1f} | {row.same_at_1:.1f} | {found} |"
        f" {row.by_8:.0f} |"
    )


HEAD = (
    "| noise | flagged, strict | flagged | wrong way | SAME at +1 % | +1 / +2 / +5 % found | +2 % by 8 pairs |\n"
    "|---|---:|---:|---:|---:|---:|---:|"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suites", type=int, default=4000)
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    lines = [HEAD]
    print(HEAD, flush=True)
    for name in MACHINES:
        if asked.only in name:
            lines.append(line(name, simulate(name, asked.suites)))
            print(lines[-1], flush=True)
    if asked.write:
        before, after = PAGE.read_text().split(BEGIN)[0], PAGE.read_text().split(END)[1]
        PAGE.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
