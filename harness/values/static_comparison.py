"""Two sides' compiled code, case by case: an exact comparison, without a GPU and without noise."""

from __future__ import annotations

import msgspec

from harness.errors import ExitStatus
from harness.values.binary import Binary
from harness.values.pairing import Tree
from harness.values.verdict import Judged


class StaticVerdict(Judged):
    """SAME: Binaries and launches are equal. CHANGED: They differ, but in nothing that gates. WORSE: They differ in
    something that gates. FAILED: Head does not compile, whatever base does. UNKNOWN: Neither side gives an answer."""

    FAILED = "FAILED", "alarm", 0, ExitStatus.CASE_FAILED
    WORSE = "WORSE", "worse", 1, ExitStatus.REGRESSION
    CHANGED = "CHANGED", "", 2, ExitStatus.OK
    UNKNOWN = "UNKNOWN", "unclear", 3, ExitStatus.OK
    SAME = "SAME", "unclear", 4, ExitStatus.OK


class StaticSide(msgspec.Struct, frozen=True):
    """One side of the comparison.

    tree: As it was asked for and found.
    arm: None if each arm is compared with itself.
    toolchain: Versions of Triton, torch and ptxas by target.
    """

    tree: Tree
    arm: str | None
    toolchain: dict[str, str]


class KernelChange(msgspec.Struct, frozen=True):
    """One kernel of a case, joined by its name and its position among the launches of that name. A side that does not
    launch it is None.

    same: Binary and launch are equal.
    worse: The changes that gate, in words.
    base_grid, head_grid: Blocks in x, y, z.
    """

    name: str
    base: Binary | None
    head: Binary | None
    same: bool
    worse: tuple[str, ...] = ()
    base_grid: tuple[int, int, int] | None = None
    head_grid: tuple[int, int, int] | None = None


class StaticCase(msgspec.Struct, frozen=True):
    """One case for one target.

    tunables: The ones that differ, `block_n 8 -> 16`.
    changed_line: The first differing line of the source behind it, `triton_vecmat.py:61`. Empty if only tunables
        differ.
    """

    case: str
    target: str
    verdict: StaticVerdict
    reason: str
    kernels: tuple[KernelChange, ...] = ()
    tunables: tuple[str, ...] = ()
    changed_line: str = ""


class StaticComparison(msgspec.Struct, frozen=True):
    """The comparison of two sides for several targets.

    left_out: Cases without a Triton kernel on either side.
    notes: Further facts for the reader.
    """

    base: StaticSide
    head: StaticSide
    targets: tuple[str, ...]
    cases: tuple[StaticCase, ...]
    left_out: int = 0
    notes: tuple[str, ...] = ()
    wall_s: float = 0.0

    @property
    def exit_status(self) -> ExitStatus:
        worst = min((case.verdict for case in self.cases), key=lambda verdict: verdict.rank, default=StaticVerdict.SAME)
        return worst.gate
