"""A small matrix of compilers."""

from __future__ import annotations

import msgspec

from harness.values.binary import Binary
from harness.values.compilers import Cell as Compilation
from harness.values.compilers import CompilerMatrix, CompilerVersion, MatrixRow
from harness.values.measurement import Status
from harness.values.static_comparison import StaticVerdict
from harness_reports.table import Table
from harness_reports.tables import compilers, compilers_history

BINARY = Binary(
    "ab" * 32, "sm_90", "3.7.1", "13.0.88", "down_kernel", 64, 0, 0, 1024, 4, load_bytes=16, blocks_per_sm=8,
    instructions=120, code_bytes=2048, code_hash="c",
)  # fmt: skip


def compiler_matrix() -> CompilerMatrix:
    """One kernel that the newer of two versions makes worse on one target, one that it leaves alone."""
    worse = msgspec.structs.replace(BINARY, registers=168, code_hash="d")
    amd = msgspec.structs.replace(BINARY, target="gfx942", sgprs=20, agprs=0, waves_per_simd=8, warp=64)
    cells = (
        Compilation("3.7.1", "sm_90", Status.OK, "", (BINARY,), 0.4),
        Compilation("3.7.1", "gfx942", Status.OK, "", (amd,), 0.4),
        Compilation("3.9.0", "sm_90", Status.OK, "", (worse,), 0.6, StaticVerdict.WORSE, "k: blocks per SM 8 -> 3"),
        Compilation("3.9.0", "gfx942", Status.OK, "", (amd,), 0.4, StaticVerdict.SAME, "same instructions"),
    )  # fmt: skip
    versions = (
        CompilerVersion("3.7.1", "3.7.1", "installed", False, {"sm_90": "triton 3.7.1"}),
        CompilerVersion("3.9.0", "3.9.0", "index", True, {"sm_90": "triton 3.9.0"}),
    )
    rows = (
        MatrixRow("moe_down@experts/int4-g128/bfloat16", "triton_vecmat(block_n=8)", True, ("fast",), cells),
        MatrixRow("moe_down@experts/int4-g128/bfloat16", "triton_vecmat(block_n=16)", False, (), cells),
    )
    targets = ("sm_90", "gfx942")
    return CompilerMatrix("s", "3.7.1", versions, targets, rows, 1, 8, 0, 2.5, "2026-01-05T00:00:00+00:00")


def compiler_tables() -> list[Table]:
    found = compiler_matrix()
    return [compilers.matrix(found), compilers.changed(found), compilers_history.over_versions([found])]
