"""What two sides compile to, case by case: exact, without a GPU and without noise."""

from __future__ import annotations

import msgspec

from harness.errors import ExitStatus
from harness.values.binary import Binary
from harness.values.pairing import Tree
from harness.values.verdict import Judged


class StaticVerdict(Judged):
    """SAME: binaries and launches are equal. CHANGED: they differ, in nothing that gates. WORSE: in something that
    does. FAILED: head does not compile, whatever base does. UNKNOWN: neither side says anything."""

    FAILED = "FAILED", "alarm", 0, ExitStatus.CASE_FAILED
    WORSE = "WORSE", "worse", 1, ExitStatus.REGRESSION
    CHANGED = "CHANGED", "", 2, ExitStatus.OK
    UNKNOWN = "UNKNOWN", "unclear", 3, ExitStatus.OK
    SAME = "SAME", "unclear", 4, ExitStatus.OK


class StaticSide(msgspec.Struct, frozen=True):
    """tree: as it was asked for and found. arm: None where each arm is compared with itself. toolchain: versions of
    Triton, torch and ptxas by target."""

    tree: Tree
    arm: str | None
    toolchain: dict[str, str]


class KernelChange(msgspec.Struct, frozen=True):
    """One kernel of a case, joined by its name and place among the launches of that name; a side that does not launch
    it is None. same: binary and launch are equal. worse: what gates, in words. grids: blocks in x, y, z."""

    name: str
    base: Binary | None
    head: Binary | None
    same: bool
    worse: tuple[str, ...] = ()
    base_grid: tuple[int, int, int] | None = None
    head_grid: tuple[int, int, int] | None = None


class StaticCase(msgspec.Struct, frozen=True):
    """One case for one target. tunables: those that differ, `block_n 8 -> 16`. changed_line: of the source behind it,
    the first that differs, `triton_vecmat.py:61`; empty where only tunables differ."""

    case: str
    target: str
    verdict: StaticVerdict
    reason: str
    kernels: tuple[KernelChange, ...] = ()
    tunables: tuple[str, ...] = ()
    changed_line: str = ""


class StaticComparison(msgspec.Struct, frozen=True):
    """left_out: cases without a Triton kernel on either side. notes: what else is to be known."""

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
