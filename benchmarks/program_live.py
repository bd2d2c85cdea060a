"""Measured, not simulated: `compare BASE HEAD -- CMD` finds a program that is 5 % slower within eight pairs, and never
calls an identical one slower or faster.

Usage: python -m benchmarks.program_live [--planted N] [--same N] [--lanes N]

The program is a loop in awk of some 60 ms. Wall and processor time are read in turns. The machine should be idle: a
loaded one answers UNDECIDED. About 30 s a comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from benchmarks.history_live import pin

LOOPS, SLOWER = 2_000_000, 1.05
MOST_PAIRS = 8
READ = ("wall", "cpu")


def commit(repository: Path, name: str, loops: int) -> None:
    program = f"#!/bin/sh\nexec awk 'BEGIN {{ for (i = 0; i < {loops}; i++) x += i * i; print x }}'\n"
    (repository / "a.sh").write_text(program)
    (repository / "a.sh").chmod(0o755)
    (repository / "README").write_text(name)
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", name], ["tag", name]):
        identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=repository, check=True)


def compare(folder: Path, head: str, *arguments: str) -> tuple[str, float, int]:
    """The verdict of `base` against `head`, its ratio and pairs."""
    repository = folder / "repository"
    repository.mkdir(parents=True)
    for name, loops in (("base", LOOPS), ("same", LOOPS), ("slower", int(LOOPS * SLOWER))):
        commit(repository, name, loops)
    places = {"HARNESS_STORE": str(folder / "runs.sqlite"), "HARNESS_LOCKS": str(folder)}
    command = [sys.executable, "-m", "harness", "compare", "base", head, *arguments, "--json", "--", "./a.sh"]
    done = subprocess.run(command, cwd=repository, env=os.environ | places, capture_output=True, text=True)
    if not done.stdout:
        raise SystemExit(f"compare ended with {done.returncode}: {done.stderr.splitlines()[-1]}")
    [verdict] = json.loads(done.stdout)["verdicts"]
    return verdict["verdict"], verdict["ratio"], verdict["pairs"]


def report(head: str, arguments: Sequence[str], number: int, lanes: ThreadPoolExecutor) -> list[str]:
    """The verdicts of so many comparisons, and whether eight pairs were enough; one line each is printed."""
    with tempfile.TemporaryDirectory() as root:
        jobs = [
            (read, lanes.submit(compare, Path(root) / str(index), head, "--read", read, *arguments))
            for index, read in zip(range(number), READ * number, strict=False)
        ]
        verdicts = []
        for read, job in jobs:
            verdict, ratio, pairs = job.result()
            verdicts.append(f"{verdict} within {MOST_PAIRS} pairs" if pairs <= MOST_PAIRS else f"{verdict} later")
            print(f"{head}, {read}: {verdict} {ratio:.4f} after {pairs} pairs", flush=True)
    return verdicts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planted", type=int, default=10)
    parser.add_argument("--same", type=int, default=20)
    parser.add_argument("--lanes", type=int, default=1)
    given = parser.parse_args()
    with ThreadPoolExecutor(given.lanes, initializer=pin, initargs=(count(),)) as lanes:
        jobs = (
            ("slower", ["--budget", "60"], given.planted),
            ("same", ["--measure-identical", "--budget", "30"], given.same),
        )
        for head, arguments, number in jobs:
            found = Counter(report(head, arguments, number, lanes))
            print(f"{head}: {', '.join(f'{times} {one}' for one, times in found.most_common())}", flush=True)


if __name__ == "__main__":
    main()
