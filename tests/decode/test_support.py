"""The arms of the shipped suite run on a GPU at every shape that they claim, before any GPU is asked."""

from __future__ import annotations

import pytest

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
