"""What a batch's outputs are filled with, and when a call agrees with the same call made alone."""

from __future__ import annotations

import pytest
import torch

from harness.measure.poison import poison
from harness.measure.recheck import _near


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int32, torch.uint8, torch.bool])
def test_outputs_of_every_dtype_can_be_poisoned(dtype: torch.dtype) -> None:
    poisoned = torch.zeros(4, dtype=dtype)
    poison(poisoned)
    assert torch.isnan(poisoned).all() if dtype.is_floating_point else poisoned.dtype == dtype


def test_what_is_no_float_has_to_be_equal() -> None:
    ids = torch.tensor([1, 200, 255], dtype=torch.int32)
    assert bool(_near(ids, ids.clone(), 0.02))
    assert not bool(_near(torch.tensor([1, 201, 255], dtype=torch.int32), ids, 0.02))
    mask = torch.tensor([True, False])
    assert bool(_near(mask, mask.clone(), 0.02)) and not bool(_near(~mask, mask, 0.02))


def test_a_float_may_be_off_by_the_tolerance_and_is_never_nan() -> None:
    right = torch.tensor([1.0, 100.0])
    assert bool(_near(right + 1.5, right, 0.02)) and not bool(_near(right + 3, right, 0.02))
    assert not bool(_near(torch.tensor([1.0, float("nan")]), right, 0.02))
