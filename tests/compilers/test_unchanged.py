"""Kernels that are written otherwise and do the same: nothing gates, and nothing counts as changed.

`benchmarks/test_unchanged_kernels.py` does the same with every variant for five targets."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from harness.values.static_comparison import StaticVerdict
from tests.compilers.unchanged import COMMENTS, against_itself, otherwise

pytest.importorskip("triton")
pytestmark = pytest.mark.xdist_group("compilers")
KERNEL = """\
import triton
import triton.language as tl


@triton.jit
def kernel(x, n, BLOCK: tl.constexpr):
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + place, mask=place < n)
    tl.store(x + place, value + 1, mask=place < n)
"""


def test_local_variables_have_other_names_and_arguments_their_own() -> None:
    found = otherwise(KERNEL)
    kernel = ast.parse(found).body[-1]
    names = {node.id for node in ast.walk(kernel) if isinstance(node, ast.Name)}
    assert {"place_of_mine", "value_of_mine", "x", "n", "BLOCK"} <= names and not {"place", "value"} & names
    assert found.replace(COMMENTS, "").replace("_of_mine", "") == KERNEL and COMMENTS in found


@pytest.mark.slow
def test_comments_names_and_folders_change_no_verdict(tmp_path: Path) -> None:
    found = against_itself("installed", tmp_path, match="sigmoid_gate", targets=("sm_90", "gfx942"))
    assert len(found) == 2 and {verdict for _, _, verdict, _ in found} == {StaticVerdict.SAME}, found
