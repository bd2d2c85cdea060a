"""A suite's kernels compiled by several releases of Triton for several targets, and their changes from one release."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from harness.errors import ExitStatus
from harness.values.binary import Binary
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.static_comparison import StaticVerdict


class CompilerVersion(msgspec.Struct, frozen=True):
    """One release or build of Triton.

    name: As it was asked for.
    triton: The version that it reports.
    origin: `installed`, `index`, `wheel` or `folder`.
    gates: Whether a worse result in it counts. True for the versions listed after the one in use, as candidates for an
        upgrade. Those listed before it are history.
    toolchain: Triton, torch and ptxas by target.
    """

    name: str
    triton: str
    origin: Literal["installed", "index", "wheel", "folder"]
    gates: bool
    toolchain: dict[str, str] = {}


class Cell(msgspec.Struct, frozen=True):
    """One kernel case under one version for one target.

    cpu_s: Processor time of compiling it. 0 if it was taken from equal code.
    verdict, reason: Compared with the version in use. None and empty for that version itself.
    """

    version: str
    target: str
    status: Status
    problem: str = ""
    binaries: tuple[Binary, ...] = ()
    cpu_s: float = 0.0
    verdict: StaticVerdict | None = None
    reason: str = ""

    @property
    def main(self) -> Binary | None:
        """The binary that stands for the case in a table: the one with the longest code."""
        return max(self.binaries, key=lambda binary: binary.code_bytes, default=None)


class MatrixRow(msgspec.Struct, frozen=True):
    """One question with one answer.

    question: `op@site/dtype/axes`.
    answer: Variant and tunables.
    chosen: True for the choice of an arm of the suite. A neighbour in its space is shown and does not gate.
    arms: The arms that chose it.
    """

    question: str
    answer: str
    chosen: bool
    arms: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        return f"{self.question} {self.answer}"


class CompilerMatrix(msgspec.Struct, frozen=True):
    """All versions, targets and cases of one `harness compilers`. The cells of a row are in the order of versions, then
    targets.

    base: The name of the version in use.
    left_out: Cases that launch no Triton kernel.
    compiled, kept: Cells that were compiled now, and cells that came from the cache.
    """

    suite: str
    base: str
    versions: tuple[CompilerVersion, ...]
    targets: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    left_out: int = 0
    compiled: int = 0
    kept: int = 0
    wall_s: float = 0.0
    started: str = ""

    def gating(self) -> Iterator[tuple[MatrixRow, Cell]]:
        """The cells whose verdict decides the exit status, in the order of the rows."""
        gates = {version.name for version in self.versions if version.gates}
        for row in self.rows:
            if row.chosen:
                yield from ((row, cell) for cell in row.cells if cell.version in gates)

    @property
    def exit_status(self) -> ExitStatus:
        verdicts = [cell.verdict for _, cell in self.gating() if cell.verdict is not None]
        worst = min(verdicts, key=lambda verdict: verdict.rank, default=StaticVerdict.SAME)
        return worst.gate


def cell_of(version: str, compiled: Compiled, target: str) -> Cell:
    """The cell of a compiled case, without a verdict."""
    spent = 0.0 if compiled.shared else compiled.cpu_s
    return Cell(version, target, compiled.status, compiled.reason, compiled.binaries, spent)
