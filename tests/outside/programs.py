"""Small programs that are measured, and a repository of one of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from harness.revisions.git import git

PATTERN = r"decode (\S+) tok/s"
NOISE = 0.005
"""Standard deviation of a process, as a share."""


def program(path: Path, *lines: str) -> Path:
    """A script of the shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


@dataclass(frozen=True)
class Noisy:
    """A program that prints `decode 100.3 tok/s`: each process another number of one seeded list, both sides take
    turns in it."""

    root: Path

    def revision(self, name: str, times: float) -> None:
        """A commit in which it takes so many times as long."""
        counter, drawn = self.root.parent / "counter", self.root.parent / "drawn"
        program(
            self.root / "bench" / "a.sh",
            f"read n < {counter}; echo $((n + 1)) > {counter}",
            f'awk -v n=$n \'NR == n {{print "decode", $1 / {times}, "tok/s"}}\' {drawn}',
        )
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--allow-empty", "-m", name)
        git(self.root, "tag", name)

    def seed(self, seed: int) -> None:
        """Begins another list."""
        drawn = random.Random(seed)
        lines = [f"{100 * drawn.gauss(1, NOISE):.4f}" for _ in range(200)]
        (self.root.parent / "drawn").write_text("\n".join(lines) + "\n")
        (self.root.parent / "counter").write_text("1\n")


def noisy(root: Path) -> Noisy:
    """`base`, and after it `same`, which changes a comment, and `slower` by 5 %."""
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "config", "user.name", "somebody")
    git(root, "config", "user.email", "somebody@example.com")
    made = Noisy(root)
    made.seed(0)
    made.revision("base", 1.0)
    (root / "README").write_text("as fast as before\n")
    made.revision("same", 1.0)
    made.revision("slower", 1.05)
    return made
