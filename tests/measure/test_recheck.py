"""What a batch's outputs are filled with, and when a call agrees with the same call made alone."""

from __future__ import annotations

import pytest
import torch

from harness.measure.agreement import near
from harness.measure.inputs import write_within
from harness.measure.poison import poison


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int32, torch.uint8, torch.bool])
def test_outputs_of_every_dtype_can_be_poisoned(dtype: torch.dtype) -> None:
    poisoned = torch.zeros(4, dtype=dtype)
    poison(poisoned)
    assert torch.isnan(poisoned).all() if dtype.is_floating_point else poisoned.dtype == dtype


def test_what_is_no_float_has_to_be_equal() -> None:
    ids = torch.tensor([1, 200, 255], dtype=torch.int32)
    assert bool(near(ids, ids.clone(), 0.02))
    assert not bool(near(torch.tensor([1, 201, 255], dtype=torch.int32), ids, 0.02))
    mask = torch.tensor([True, False])
    assert bool(near(mask, mask.clone(), 0.02)) and not bool(near(~mask, mask, 0.02))


def test_a_float_may_be_off_by_the_tolerance_and_is_never_nan() -> None:
    right = torch.tensor([1.0, 100.0])
    assert bool(near(right + 1.5, right, 0.02)) and not bool(near(right + 3, right, 0.02))
    assert not bool(near(torch.tensor([1.0, float("nan")]), right, 0.02))


@pytest.mark.parametrize("shape", [(), (0,), (3,), (16,), (2, 3, 64)])
def test_new_values_leave_the_ends_of_each_row(shape: tuple[int, ...]) -> None:
    """An eighth at either end stays; a row below eight values, and one value alone, are new as a whole."""
    lies, width = torch.zeros(shape), shape[-1] if shape else 0
    write_within(lies, torch.ones(shape))
    end = width // 8
    assert not lies[..., :end].any() and not lies[..., width - end :].any() if end else True
    assert lies[..., end : width - end].all() if shape else bool(lies)


def test_new_offsets_are_written_whole() -> None:
    offsets = torch.arange(16)
    write_within(offsets, offsets + 5)
    assert torch.equal(offsets, torch.arange(5, 21))
