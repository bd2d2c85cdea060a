"""How often a history tells of a change that nobody made, and how soon of one that somebody did.

Usage: python -m benchmarks.history_chain [--commits N] [--cases N] [--seed N] [--only KIND] [--pieces FILE] [--write]

Simulates suites over commits in eight kinds of noise by the shipped scan, alarms, pairs, search and answers
(`tests/history/chain.py`), and prints a table; --write puts it into METHODOLOGY.md. 40,000 commits of 50 cases in all
eight take 70 minutes of one core. --pieces keeps each suite of 1,000 commits in a file, so that a run that was stopped
goes on from there.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import msgspec

from tests.history.chain import SCENARIOS, Counts, seeds, stepped, suite

AT_ONCE = 1000
"""Commits of one simulated suite."""
STEPS = ((0.05, 1), (0.02, 10))
"""A change, and the commits within which it is to be suspected."""
PAGE = Path(__file__).parents[1] / "METHODOLOGY.md"
BEGIN, END = "<!-- chain:begin -->\n", "<!-- chain:end -->\n"


class Piece(msgspec.Struct, frozen=True):
    """The question of one simulated suite."""

    kind: str
    seed: int
    cases: int
    commits: int


class Pieces:
    """The suites that were simulated, a line each in a file. Without a file each is simulated."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        lines = file.read_bytes().splitlines() if file is not None and file.exists() else []
        self.known = dict(msgspec.json.decode(line, type=tuple[Piece, Counts]) for line in lines)

    def counts(self, piece: Piece) -> Counts:
        if piece not in self.known:
            self.known[piece] = suite(piece.seed, piece.kind, piece.cases, piece.commits)
            if self.file is not None:
                with self.file.open("ab") as file:
                    file.write(msgspec.json.encode((piece, self.known[piece])) + b"\n")
        return self.known[piece]


def measured(kind: str, commits: int, cases: int, seed: int, pieces: Pieces) -> Counts:
    counts = Counts()
    for number in range(max(1, commits // AT_ONCE)):
        counts.add(pieces.counts(Piece(kind, seed + number, cases, min(AT_ONCE, commits))))
    return counts


def row(kind: str, counts: Counts, commits: int, cases: int) -> str:
    """Per 1,000 commits; false ones with the bound that 95 % of such simulations would stay below."""
    thousands = commits / 1000
    bound = (3.0 if counts.false == 0 else counts.false + 2 * math.sqrt(counts.false)) / thousands
    each = counts.pairs / max(1, counts.suspected)
    answers = ", ".join(f"{answer.value} {many}" for answer, many in sorted(counts.answers.items()))
    return (
        f"| {kind} | {counts.suspected / thousands / cases:.2f} | {counts.suspected / thousands:.1f} | "
        f"{counts.false / thousands:.3f} (< {bound:.3f}) | {each:.1f} | {answers} |"
    )


def steps(trials: int, seed: int) -> list[str]:
    lines = []
    for change, within in STEPS:
        found = [stepped(one, "iid", change) for one in seeds(seed, trials)]
        soon = sum(after <= within for after, _ in found) / trials
        named = sum(counts.right for _, counts in found)
        wrong = sum(counts.wrong for _, counts in found)
        alarms = sum(counts.suspected for _, counts in found)
        lines.append(
            f"| +{100 * change:.0f} % | {100 * soon:.1f} ± {100 * math.sqrt(soon * (1 - soon) / trials):.1f} % within "
            f"{within} | {named} of {alarms} alarms | {wrong} |"
        )
    return lines


def table(commits: int, cases: int, seed: int, only: str, trials: int, pieces: Pieces) -> list[str]:
    head = ["| noise | suspicions of a case | of the suite | confirmed, and false | pairs each | answers |"]
    lines = [*head, "|---|---:|---:|---:|---:|---|"]
    total, kinds = Counts(), [kind for kind in SCENARIOS if only in kind]
    for kind in kinds:
        counts = measured(kind, commits, cases, seed, pieces)
        total.add(counts)
        lines.append(row(kind, counts, commits, cases))
        print(lines[-1], flush=True)
    lines.append(row("all", total, commits * len(kinds), cases))
    print(lines[-1], flush=True)
    power = [
        "| change | suspected | right commit named | wrong commit named |",
        "|---|---|---|---|",
        *steps(trials, seed),
    ]
    print("\n".join(power), flush=True)
    return [*lines, "", *power]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--commits", type=int, default=40_000)
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--pieces", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    lines = table(given.commits, given.cases, given.seed, given.only, given.trials, Pieces(given.pieces))
    if given.write:
        page = PAGE.read_text()
        before, rest = page.split(BEGIN)
        PAGE.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
