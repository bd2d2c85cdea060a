"""CONTRIBUTING.md: what its recipes show is what comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.cli.init import command as init
from harness.errors import HarnessError
from harness.suite.load import load_suite
from harness_reports.table import Column, Name, Row, Table
from tests.conftest import REPOSITORY
from tests.trials.commands import harness

PAGE = (REPOSITORY / "CONTRIBUTING.md").read_text()
WITHOUT_MASK = "tl.load(x + row * k + at) * tl.load(w + column * k + at)"
WITH_MASK = """tl.load(x + row * k + at, mask=at < k, other=0.0).to(tl.float32) * tl.load(
            w + column * k + at, mask=at < k, other=0.0)"""
KERNEL = f"""\
import torch
import triton
import triton.language as tl


@triton.jit
def dot_rows(x, w, y, k, BLOCK: tl.constexpr):
    row, column = tl.program_id(0), tl.program_id(1)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, k, BLOCK):
        at = start + tl.arange(0, BLOCK)
        total += {WITHOUT_MASK}
    tl.store(y + row * tl.num_programs(1) + column, tl.sum(total))


def run(x, weight, *, block=512):
    (rows, k), n = x.shape, weight.shape[0]
    y = torch.empty(rows, n, dtype=x.dtype, device=x.device)
    dot_rows[(rows, n)](x, weight, y, k, BLOCK=block)
    return y
"""


@pytest.mark.slow
def test_the_variant_is_found_wrong_and_then_right(tmp_path: Path) -> None:
    assert f"total += {WITHOUT_MASK}" in PAGE
    shown = re.search(r"(linear@router.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    kernel = tmp_path / "my_linear.py"
    kernel.write_text(KERNEL)
    wrong = harness(tmp_path, "try", "my_linear.py", "--op", "linear", "--against", "none")
    assert wrong.status == 5
    assert wrong.text.replace(f"{tmp_path}/", "").startswith(shown[1])
    kernel.write_text(KERNEL.replace(WITHOUT_MASK, WITH_MASK))
    right = harness(tmp_path, "try", "my_linear.py", "--op", "linear", "--against", "none")
    assert right.status == 0
    assert next(line for line in right.text.splitlines() if line.startswith("correct ")) in PAGE


def test_the_op_is_what_init_writes(tmp_path: Path) -> None:
    init(tmp_path, "my_op")
    assert "$ harness init --name my_op\n$ harness try my_op.py" in PAGE and (tmp_path / "my_op.py").is_file()


def test_an_engine_that_nobody_knows_is_refused_in_these_words(tmp_path: Path) -> None:
    suite = (REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml").read_text()
    (tmp_path / "my_suite.yaml").write_text(suite.replace("engines: [eager]", "engines: [eagr]"))
    with pytest.raises(HarnessError) as error:
        load_suite(tmp_path / "my_suite.yaml")
    begin, end = "my_suite.yaml:32:13: decode.engines[0]: unknown engine eagr; allowed: ", "; did you mean eager?"
    assert begin in str(error.value) and str(error.value).endswith(end)
    assert begin in PAGE and end in PAGE


def test_a_heading_without_a_cell_is_refused_in_these_words() -> None:
    columns = tuple(Column(str(place), "") for place in range(8))
    with pytest.raises(ValueError, match="table noise: 8 columns, 7 cells: ") as error:
        Table("noise", "", columns, (Row((Name("rms_norm@ln"),) * 7),))
    assert str(error.value)[: len("table noise: 8 columns, 7 cells: (Name(text='rms_norm@ln', ")] in PAGE


def test_the_rule_misses_its_own_example_and_the_mended_one_does_not() -> None:
    assert "words: ['my_expert\\w*']" in PAGE and r"`my_?expert\w*`" in PAGE
    names = ("my_expert_gate_up_kernel", "myexpert_down")
    assert [bool(re.fullmatch(r"my_expert\w*", name)) for name in names] == [True, False]
    assert all(re.fullmatch(r"my_?expert\w*", name) for name in names)
