"""The arms of the shipped suite run on a GPU at every shape that they claim, before any GPU is asked."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import yaml

from harness.decode.support import unsupported
from harness.plan import expand
from harness.suite.load import load_suite
from tests.conftest import REPOSITORY

PLAN = expand(load_suite(REPOSITORY / "suites" / "qwen3_5_moe.yaml"), device_slug="nvidia-h100-80gb-hbm3")


@pytest.mark.parametrize(("batch", "context"), [(1, 1024), (3, 1024), (8, 1024), (1, 32768)])
@pytest.mark.parametrize("arm", PLAN.answers)
def test_no_variant_refuses_its_place_in_the_model(arm: str, batch: int, context: int) -> None:
    """But for packages that are not installed here."""
    reason = unsupported(PLAN, arm, batch, context)
    assert reason is None or "needs flash-linear-attention" in reason


def test_the_recorded_table_of_decodes_asks_for_each_shape(tmp_path: Path) -> None:
    """`record.sh FOLDER PROCESSES decode`: batch 1 and 8, 2,048 and 32,768 tokens of context."""
    suites = runpy.run_path(str(REPOSITORY / "reports" / "samples" / "decode_table.py"))["suites"]()
    asked = set()
    for name, suite in suites.items():
        (tmp_path / name).write_text(yaml.safe_dump(suite, sort_keys=False))
        plan = expand(load_suite(tmp_path / name), device_slug="nvidia-h200")
        cases = [case for case in plan.cases if case.arm == "phases"]
        asked |= {(case.kind, case.axes["batch"], case.axes["context"]) for case in cases if case.op is None}
    assert {("decode", 1, 1024), ("decode", 8, 1024), ("decode", 1, 32768), ("prefill", 1, 2048)} <= asked
