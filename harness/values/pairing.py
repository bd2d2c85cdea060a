"""What makes two runs the sides of one comparison: the trees that they ran, their processes, what was known of the
noise."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.values.closure import Closure


class Tree(msgspec.Struct, frozen=True):
    """Source code as it was measured. name: as it was asked for (`main`, `.`). commit: of the tree itself, of a
    snapshot where there were uncommitted changes; empty where the folder is under no version control. base_commit:
    the commit that a snapshot differs from. changed: the files that it differs in. diff: sha256 of the text of that
    difference, among the run's sources. folder: where it lay."""

    name: str
    commit: str = ""
    base_commit: str = ""
    changed: tuple[str, ...] = ()
    diff: str = ""
    folder: str = ""

    @property
    def words(self) -> str:
        """`main 4f2c9e1`, `. = 4f2c9e1 + 1 uncommitted file (kernels/a.py)`."""
        if self.changed:
            files = f"{len(self.changed)} uncommitted {'file' if len(self.changed) == 1 else 'files'}"
            named = ", ".join(self.changed[:3]) + (", ..." if len(self.changed) > 3 else "")
            return f"{self.name} = {self.base_commit[:7]} + {files} ({named})"
        return f"{self.name} {self.commit[:7] or 'as it is, under no version control'}"


class CaseNoise(msgspec.Struct, frozen=True):
    """Identical code against itself on one machine. pair_variance: of ln(head / base) over pairs of fresh processes,
    with its degrees of freedom. process_sd: of ln(median) between fresh processes. bimodal: these have two modes.
    order: ln(second / first) of a pair's processes. offset: standard deviation of what identical worktrees differ by
    for good in this case alone, with its degrees of freedom; 0 where chance would give as much."""

    pair_variance: float
    degrees: int
    process_sd: float
    pairs: int
    bimodal: bool = False
    order: float = 0.0
    offset: float = 0.0
    offset_degrees: int = 0


class Noise(msgspec.Struct, frozen=True):
    """What calibration says about a machine, as log ratios. cases: by case id. offset: standard deviation of what
    identical worktrees differ by for good in all cases alike, over so many pairs of worktrees; offset_chance: that
    chance would give as much. order: second over first process of a pair, over all cases, with its standard error."""

    cases: dict[str, CaseNoise] = {}
    offset: float = 0.0
    worktree_pairs: int = 0
    offset_chance: float = 0.0
    order: float = 0.0
    order_error: float = 0.0


class Pairing(msgspec.Struct, frozen=True):
    """This run is one side of a comparison: its process n and process n of the other run with the same `comparison`
    are a pair.

    purpose: a calibration measures one code on both sides. worktrees: which pair of worktrees was measured, of a
    calibration's several. identical: questions that both sides answer with the same code; same_launches: with the same
    binaries, launches and torch calls, from code that differs; with measure_identical both were to be measured all the
    same, so that none of them is SAME unmeasured. accepted: conditions that are under test and may differ.
    seed: of the coin that orders the pairs.
    """

    comparison: str
    side: Literal["base", "head"]
    tree: Tree
    purpose: Literal["compare", "calibrate"] = "compare"
    worktrees: int = 0
    arm: str | None = None
    identical: tuple[str, ...] = ()
    same_launches: tuple[str, ...] = ()
    measure_identical: bool = False
    accepted: tuple[str, ...] = ()
    noise: Noise = Noise()
    python: str = ""
    seed: int = 0


class Slot(msgspec.Struct, frozen=True):
    """One fresh process of a run that is measured as pairs. Process 0 verifies every case and times nothing.

    process: number of its pair. position: 0 for the side that went first. files: resolved paths of what it ran;
    outside: those that are not of the side's own tree. disturbed: why its times count for nothing. read_gb_s: the read
    bandwidth that it measured, the control that no change of a kernel moves. closures: by case id, of the process that
    verifies. device: which GPU it had, as CUDA_VISIBLE_DEVICES names it; empty where the comparison has one alone.
    """

    process: int
    stage: str
    position: int
    started: str
    wall_s: float
    files: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    disturbed: str = ""
    read_gb_s: float | None = None
    closures: dict[str, Closure] = {}
    device: str = ""
