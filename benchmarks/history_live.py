"""Measured, not simulated: in made repositories of a program, a commit that is 5 % slower is suspected, confirmed and
found, and where none is slower the search says so.

Usage: python -m benchmarks.history_live [--seeds N] [--commits N] [--lanes N] [--folder DIR]

For each seed a repository whose commits are a program in awk of some 30 ms, half of them with other text and none with
other work. With a planted commit: `track` measures all commits, `confirm` compares both ends of each suspicion and
searches the commit. Without one: `bisect` searches between the first commit and the last. With a machine that is 20 %
slow from half of the commits on: `track` and `confirm` again.

Times are processor times, and each lane stays on a core of its own. On an idle machine the median of 25 processes then
varies by 0.2 to 0.3 %, and by 0.5 to 0.7 % without a core of its own. About 100 s a seed and lane.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

LOOPS, SLOWER = 1_000_000, 1.05
EARLIEST, LATEST = 12, 6
"""A step before so many commits, or with fewer after it, has too few values on one side (METHODOLOGY)."""
SUITE = """\
suite: 1
title: A program over many commits
engine:
  command:
    run: ./sums.sh
    figures: {cpu: {read: cpu}}
    repeat_s: 1
arms: {a: {}}
compare: {budget_s: 60}
"""
PROGRAM = """\
#!/bin/sh
# %s
exec awk -v times=$(cat %s) 'BEGIN { n = %d * times; for (i = 0; i < n; i++) x += i * i; print x }'
"""


class Made:
    """A repository in `folder`, with a store beside it."""

    def __init__(self, folder: Path, commits: int, random_state: random.Random, slower_at: int | None) -> None:
        self.repository = folder / "repository"
        places = {"HARNESS_STORE": str(folder / "runs.sqlite"), "HARNESS_LOCKS": str(folder / "locks")}
        self.environment = os.environ | places | {"OMP_NUM_THREADS": "1"}
        self.times = folder / "times"
        """How many times as long the machine takes: outside of what git knows."""
        for made in (folder / "locks", self.repository / "suites"):
            made.mkdir(parents=True)
        self.times.write_text("1\n")
        self._git("init", "--quiet", "--initial-branch", "main")
        self._git("config", "user.name", "somebody")
        self._git("config", "user.email", "somebody@example.com")
        (self.repository / "suites" / "program.yaml").write_text(SUITE)
        (self.repository / ".gitignore").write_text(".harness/\n")
        self.hashes = [self._commit(number, random_state, slower_at) for number in range(commits)]

    def _commit(self, number: int, random_state: random.Random, slower_at: int | None) -> str:
        loops = int(LOOPS * SLOWER) if slower_at is not None and number >= slower_at else LOOPS
        if number in (0, slower_at) or random_state.random() < 0.5:
            program = self.repository / "suites" / "sums.sh"
            program.write_text(PROGRAM % (random_state.random(), self.times, loops))
            program.chmod(0o755)
        else:
            (self.repository / "README").write_text(f"{number}\n")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", f"commit {number}")
        return self._git("rev-parse", "HEAD")

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.repository, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def harness(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "harness", *arguments]
        return subprocess.run(command, cwd=self.repository, env=self.environment, capture_output=True, text=True)


def planted(folder: Path, seed: int, commits: int) -> str:
    """`right`, or how the answer differs."""
    random_state = random.Random(seed)
    at = random_state.randrange(EARLIEST, commits - LATEST)
    made = Made(folder, commits, random_state, at)
    tracked = made.harness("track", "suites/program.yaml", "--since", made.hashes[0])
    if tracked.returncode:
        return f"track ended with {tracked.returncode}: {tracked.stderr.splitlines()[-1]}"
    confirmed = made.harness("confirm", "--json")
    if not confirmed.stdout:
        return f"confirm ended with {confirmed.returncode}: {confirmed.stderr.splitlines()[-1]}"
    changes = [change for standing in json.loads(confirmed.stdout)["standings"] for change in standing["changes"]]
    told = [change["confirmation"] for change in changes if change["state"] == "confirmed"]
    if [[left["hash"] for left in one["left"]] for one in told] == [[made.hashes[at]]]:
        return "right"
    return f"planted {made.hashes[at][:9]}; {json.dumps(changes)}"


def machine(folder: Path, seed: int, commits: int) -> str:
    """`right` if a machine that is 20 % slow from a date on is named, and no commit."""
    made = Made(folder, commits, random.Random(seed), None)
    since, half = ("track", "suites/program.yaml", "--since", made.hashes[0]), made.hashes[commits // 2]
    before = made.harness(*since, "--until", half)
    made.times.write_text("1.2\n")
    after = made.harness(*since)
    if before.returncode or after.returncode:
        return f"track ended with {before.returncode} and {after.returncode}: {after.stderr.splitlines()[-1]}"
    confirmed = made.harness("confirm", "--json")
    changes = [change for standing in json.loads(confirmed.stdout)["standings"] for change in standing["changes"]]
    answers = [change["confirmation"] and change["confirmation"]["answer"] for change in changes]
    return "right" if answers == ["the machine"] else json.dumps(changes)


def without(folder: Path, seed: int, commits: int) -> str:
    """`right`, or the answer of a search where there is nothing to find."""
    made = Made(folder, commits, random.Random(seed), None)
    found = made.harness("bisect", "cpu", made.hashes[0], made.hashes[-1], "--json")
    if not found.stdout:
        return f"bisect ended with {found.returncode}: {found.stderr.splitlines()[-1]}"
    result = json.loads(found.stdout)["result"]
    return "right" if result == "not reproducible" else f"{result}"


def pin(cores: Iterator[int]) -> None:
    """Keep this thread and the processes that it starts on the next core."""
    mine = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {mine[next(cores) % len(mine)]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--commits", type=int, default=64)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--only", choices=("planted", "without", "machine"))
    given = parser.parse_args()
    cores = count()
    with (
        tempfile.TemporaryDirectory() as root,
        ThreadPoolExecutor(given.lanes, initializer=pin, initargs=(cores,)) as lanes,
    ):
        for name, one in (("planted", planted), ("without", without), ("machine", machine)):
            if given.only in (None, name):
                seeds = range(given.first, given.first + given.seeds)
                jobs = [lanes.submit(one, Path(root) / f"{name}-{seed}", seed, given.commits) for seed in seeds]
                right = 0
                for seed, job in zip(seeds, jobs, strict=True):
                    right += job.result() == "right"
                    print(f"{name} {seed}: {job.result()}", flush=True)
                print(f"{name}: right in {right} of {given.seeds} repositories of {given.commits} commits", flush=True)


if __name__ == "__main__":
    main()
