"""A matrix of compilers on a terminal."""

from __future__ import annotations

import msgspec

from harness.values.measurement import Status
from harness_reports.formats.console import plain
from harness_reports.pages.compilers import reasons, render
from tests.reports.compiler_factory import compiler_matrix


def test_a_version_alone_shows_each_binary_and_why_one_is_missing() -> None:
    found = compiler_matrix()
    first, second = (msgspec.structs.replace(row, cells=row.cells[:2]) for row in found.rows)
    failed = msgspec.structs.replace(first.cells[0], status=Status.FAILED, problem="no such op", binaries=())
    rows = (msgspec.structs.replace(first, cells=(failed, first.cells[1])), second)
    alone = msgspec.structs.replace(found, versions=found.versions[:1], rows=rows)
    assert "64r 1024sh" in plain(render(alone))
    assert next(reasons(alone)) == (
        "FAILED   moe_down@experts/int4-g128/bfloat16 triton_vecmat(block_n=8), sm_90: no such op"
    )
    assert not any("no such op" in line for line in reasons(found))
