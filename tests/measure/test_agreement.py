"""What the comparison with the reference says of an output."""

from __future__ import annotations

import pytest
import torch

from harness.measure.agreement import compare, describe_region, sentence, worst_of


def test_an_exact_output_is_correct_with_error_zero() -> None:
    reference = torch.randn(4, 8)
    result = compare("y", reference.clone(), reference, 1e-2, 4e-3)
    assert result.correct and result.max_error == 0 and result.wrong_elements == 0 and result.region == ""


def test_zeros_are_wrong_whatever_the_size_of_the_output() -> None:
    for size in (1e-6, 1.0, 1e6):
        reference = torch.randn(4, 8) * size
        result = compare("y", torch.zeros(4, 8), reference, 1e-2, 4e-3)
        assert not result.correct and result.rms_error == pytest.approx(1)


def test_an_unwritten_tail_is_named_with_its_place_and_count() -> None:
    reference = torch.randn(8, 2048)
    output = reference.clone()
    output[:, 2044:] = float("nan")
    result = compare("y", output, reference, 1e-2, 4e-3)
    assert not result.correct and result.wrong_elements == 32
    assert "dim 1: 2044..2047 of 2048 (the tail)" in result.region and "32 are NaN" in result.region


def test_a_small_error_everywhere_is_wrong_by_its_rms_alone() -> None:
    reference = torch.ones(100)
    reference[0] = 100
    output = reference * 1.008
    output[0] = 100
    result = compare("y", output, reference, 1e-2, 7e-4)
    assert not result.correct and result.wrong_elements == 0 and "spread" in result.region


def test_integers_must_be_equal() -> None:
    ids = torch.tensor([[1, 2], [3, 4]], dtype=torch.int32)
    assert compare("ids", ids, ids.clone(), 0.5, 0.5).correct
    wrong = compare("ids", torch.tensor([[1, 2], [4, 3]], dtype=torch.int32), ids, 0.5, 0.5)
    assert not wrong.correct and wrong.wrong_elements == 2 and "dim 0: 1 of 2" in wrong.region


def test_another_shape_is_wrong_and_says_both() -> None:
    result = compare("y", torch.zeros(3), torch.zeros(4), 1, 1)
    assert not result.correct and "(3,), wanted (4,)" in result.region


def test_regions_with_holes_say_how_many() -> None:
    mask = torch.zeros(8, 4, dtype=torch.bool)
    mask[2] = mask[5] = True
    assert describe_region(mask) == "dim 0: 2..5 of 8 (2 of these)"
    assert describe_region(torch.ones(2, 2, dtype=torch.bool)) == "everywhere"


def test_several_outputs_are_as_wrong_as_the_first_wrong_one() -> None:
    right = compare("y", torch.ones(4), torch.ones(4), 1e-2, 1e-2)
    wrong = compare("state", torch.zeros(4), torch.ones(4), 1e-2, 1e-2)
    both = worst_of([right, wrong])
    assert not both.correct and both.elements == 8 and both.wrong_elements == 4
    assert "4 of 8 values wrong" in sentence(both) and "state: everywhere" in sentence(both)
