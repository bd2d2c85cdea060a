"""The facts that make two runs the sides of one comparison: their trees, their processes, and the known noise."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.values.closure import Closure
from harness.values.interpreter import Interpreter


class Tree(msgspec.Struct, frozen=True):
    """Source code as it was measured.

    name: As it was asked for (`main`, `.`).
    commit: The tree's own commit, or that of a snapshot if there were uncommitted changes. Empty if the folder is under
        no version control.
    base_commit: The commit that a snapshot differs from.
    changed: The files that it differs in.
    diff: sha256 of the text of that difference, which is among the run's sources.
    folder: Its location.
    """

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
    """Identical code against itself on one machine: an A/A run of one case.

    pair_variance: Variance of ln(head / base) over pairs of fresh processes, with its degrees of freedom.
    process_sd: Standard deviation of ln(median) between fresh processes.
    bimodal: The processes have two modes.
    order: ln(second / first) of a pair's processes.
    offset: Standard deviation of the constant difference between identical worktrees in this case alone, with its
        degrees of freedom. 0 if chance would give as much.
    """

    pair_variance: float
    degrees: int
    process_sd: float
    pairs: int
    bimodal: bool = False
    order: float = 0.0
    offset: float = 0.0
    offset_degrees: int = 0


class Noise(msgspec.Struct, frozen=True):
    """The calibration of a machine, as log ratios.

    cases: By case id.
    offset: Standard deviation of the constant difference between identical worktrees in all cases alike, over
        `worktree_pairs` pairs of worktrees.
    offset_chance: The probability that chance would give as much.
    order: Second over first process of a pair, over all cases, with its standard error.
    """

    cases: dict[str, CaseNoise] = {}
    offset: float = 0.0
    worktree_pairs: int = 0
    offset_chance: float = 0.0
    order: float = 0.0
    order_error: float = 0.0


class Pairing(msgspec.Struct, frozen=True):
    """This run is one side of a comparison: its process n and process n of the other run with the same `comparison` are
    a pair.

    purpose: A calibration measures one code on both sides.
    worktrees: The pair of worktrees that was measured, out of a calibration's several.
    identical: Questions that both sides answer with the same code.
    same_launches: Questions with the same binaries, launches and torch calls, from code that differs.
    measure_identical: Questions of both kinds are measured all the same, so that none of them is SAME
        unmeasured.
    accepted: Conditions that are under test and may differ.
    seed: Seed of the coin that orders the pairs.
    interpreter: The side's own, with its packages; None if both sides have the same one.
    comparisons: The comparisons that share the chance of a false FASTER or SLOWER.
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
    interpreter: Interpreter | None = None
    comparisons: int = 1


class Slot(msgspec.Struct, frozen=True):
    """One fresh process of a run that is measured as pairs. Process 0 verifies every case and times nothing.

    process: Number of its pair.
    position: 0 for the side that went first.
    files: Resolved paths of the files that it ran.
    outside: The files that lie outside of the side's own tree.
    disturbed: The reason why its times do not count.
    read_gb_s: The read bandwidth that it measured: the control that no change of a kernel moves.
    closures: By case id, of the process that verifies.
    device: Its GPU, as CUDA_VISIBLE_DEVICES names it. Empty if the comparison has one alone.
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
