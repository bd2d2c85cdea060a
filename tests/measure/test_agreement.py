"""What the comparison with the reference says of an output."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.agreement import compare, describe_region, sentence, surely_agrees, worst_of
from harness.values.measurement import Tolerance


def test_an_exact_output_is_correct_with_error_zero() -> None:
    reference = torch.randn(4, 8)
    result = compare("y", reference.clone(), reference, Tolerance(1e-2, 4e-3))
    assert result.correct and result.max_error == 0 and result.wrong_elements == 0 and result.region == ""


def test_zeros_are_wrong_whatever_the_size_of_the_output() -> None:
    for size in (1e-6, 1.0, 1e6):
        reference = torch.randn(4, 8) * size
        result = compare("y", torch.zeros(4, 8), reference, Tolerance(1e-2, 4e-3))
        assert not result.correct and result.rms_error == pytest.approx(1)


def test_an_unwritten_tail_is_named_with_its_place_and_count() -> None:
    reference = torch.randn(8, 2048)
    output = reference.clone()
    output[:, 2044:] = float("nan")
    result = compare("y", output, reference, Tolerance(1e-2, 4e-3))
    assert not result.correct and result.wrong_elements == 32
    assert "dim 1: 2044..2047 of 2048 (the tail)" in result.region and "32 are NaN" in result.region


def test_a_small_error_everywhere_is_wrong_by_its_rms_alone() -> None:
    reference = torch.ones(100)
    reference[0] = 100
    output = reference * 1.008
    output[0] = 100
    result = compare("y", output, reference, Tolerance(1e-2, 7e-4))
    assert not result.correct and result.wrong_elements == 0 and "spread" in result.region


def test_integers_must_be_equal() -> None:
    ids = torch.tensor([[1, 2], [3, 4]], dtype=torch.int32)
    assert compare("ids", ids, ids.clone(), Tolerance(0.5, 0.5)).correct
    wrong = compare("ids", torch.tensor([[1, 2], [4, 3]], dtype=torch.int32), ids, Tolerance(0.5, 0.5))
    assert not wrong.correct and wrong.wrong_elements == 2 and "dim 0: 1 of 2" in wrong.region


def test_another_shape_is_wrong_and_says_both() -> None:
    result = compare("y", torch.zeros(3), torch.zeros(4), Tolerance(1, 1))
    assert not result.correct and "(3,), wanted (4,)" in result.region


def test_regions_with_holes_say_how_many() -> None:
    mask = torch.zeros(8, 4, dtype=torch.bool)
    mask[2] = mask[5] = True
    assert describe_region(mask) == "dim 0: 2..5 of 8 (2 of these)"
    assert describe_region(torch.ones(2, 2, dtype=torch.bool)) == "everywhere"


def test_several_outputs_are_as_wrong_as_the_first_wrong_one() -> None:
    right = compare("y", torch.ones(4), torch.ones(4), Tolerance(1e-2, 1e-2))
    wrong = compare("state", torch.zeros(4), torch.ones(4), Tolerance(1e-2, 1e-2))
    both = worst_of([right, wrong])
    assert not both.correct and both.elements == 8 and both.wrong_elements == 4
    assert "4 of 8 values wrong" in sentence(both) and "state: everywhere" in sentence(both)


def test_one_destroyed_row_beside_a_row_a_thousand_times_larger_is_wrong_and_named() -> None:
    generator = torch.Generator().manual_seed(0)
    reference = torch.randn(1000, 64, generator=generator)
    reference[3] *= 1000
    output = reference.clone()
    output[17] = 0
    result = compare("y", output, reference, Tolerance(2e-2, 8e-3))
    assert not result.correct and result.max_error < 2e-2 and result.rms_error < 8e-3
    assert "dim 0: 17 of 1000" in result.region and "off by 1 of its own size" in result.region
    assert result.row_error == pytest.approx(1) and 48 <= result.wrong_elements <= 64


def test_one_destroyed_value_of_a_small_row_is_wrong() -> None:
    generator = torch.Generator().manual_seed(0)
    reference = torch.randn(100, 2048, generator=generator)
    reference[3] *= 1000
    output = reference.clone()
    output[17, reference[17].abs().argmax()] = 0
    result = compare("y", output, reference, Tolerance(2e-2, 8e-3))
    assert not result.correct and result.wrong_elements == 1 and "dim 0: 17 of 100" in result.region


@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.sampled_from([(5, 8), (3, 2, 16), (40,), (7, 1), (2, 3, 4)]))
def test_rounding_to_bfloat16_is_within_tolerance_whatever_the_sizes_of_the_rows(
    seed: int, spread: float, shape: tuple[int, ...]
) -> None:
    generator = torch.Generator().manual_seed(seed)
    sizes = 10 ** (spread * torch.randn((*shape[:-1], 1), generator=generator))
    reference = torch.randn(shape, generator=generator) * sizes
    result = compare("y", reference.bfloat16(), reference, Tolerance(1e-2, 4e-3))
    assert result.correct, sentence(result)


@given(st.integers(0, 2**32 - 1), st.integers(2, 50), st.integers(8, 64), st.floats(1, 1000))
def test_a_row_of_zeros_is_wrong_beside_rows_up_to_a_thousand_times_larger(
    seed: int, rows: int, length: int, ratio: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    reference = torch.randn(rows, length, generator=generator)
    reference[0] *= ratio
    output = reference.clone()
    output[rows - 1] = 0
    assert not compare("y", output, reference, Tolerance(2e-2, 8e-3)).correct


def test_the_op_says_how_many_dimensions_make_a_row() -> None:
    reference = torch.ones(4, 8, 8)
    reference[0] *= 1000
    reference[2, 3] = 1e-6
    output = reference.clone()
    output[2, 3] = 0
    assert compare("state", output, reference, Tolerance(1e-2, 4e-3), row_dims=2).correct
    output[2] = 0
    assert not compare("state", output, reference, Tolerance(1e-2, 4e-3), row_dims=2).correct


def test_a_row_that_the_reference_has_at_zero_may_have_the_errors_of_what_cancelled() -> None:
    reference = torch.ones(3, 16)
    reference[1] = 0
    output = reference.clone()
    output[1] = 1e-8
    assert compare("y", output, reference, Tolerance(1e-2, 4e-3)).correct
    output[1] = 1e-5
    assert not compare("y", output, reference, Tolerance(1e-2, 4e-3)).correct


def test_infinities_and_nan_of_the_reference_must_stand_in_the_same_places() -> None:
    reference = torch.tensor([1.0, float("inf"), float("-inf"), float("nan")] * 4)
    assert compare("y", reference.clone(), reference, Tolerance(1e-2, 4e-3)).correct
    for at in range(1, 4):
        output = reference.clone()
        output[at] = 2.0
        assert not compare("y", output, reference, Tolerance(1e-2, 4e-3)).correct


def test_sizes_whose_squares_overflow_float32_are_compared_all_the_same() -> None:
    reference = torch.tensor([1e30, -2e30] * 8)
    assert compare("y", reference * 1.001, reference, Tolerance(1e-2, 4e-3)).correct
    assert not compare("y", reference * 1.1, reference, Tolerance(1e-2, 4e-3)).correct


def test_an_output_without_values_is_right() -> None:
    assert compare("y", torch.zeros(0, 8), torch.zeros(0, 8), Tolerance(1e-2, 4e-3)).correct


@given(seed=st.integers(0, 10**6), fault=st.sampled_from(["none", "noise", "row", "value", "nan", "inf", "zeros"]),
       size=st.sampled_from([1e-30, 1.0, 1e30]), spread=st.sampled_from([1.0, 1e4]))  # fmt: skip
def test_what_surely_agrees_is_correct_and_what_is_exact_surely_agrees(
    seed: int, fault: str, size: float, spread: float
) -> None:
    """The short way to a yes never says it of what the long way refuses."""
    draw = torch.Generator().manual_seed(seed)
    allowed = Tolerance(max_error=1e-2, rms_error=3e-3)
    rows = 1 + spread * torch.rand(7, 1, generator=draw)
    wanted = size * rows * torch.randn(7, 24, generator=draw)
    got = wanted.clone()
    if fault == "noise":
        got *= 1 + 10 ** float(-4 * torch.rand((), generator=draw)) * torch.randn(7, 24, generator=draw)
    elif fault == "row":
        got[seed % 7] *= 1 + 0.1 * float(torch.rand((), generator=draw))
    elif fault != "none":
        planted = {"value": -float(got[3, 5]), "nan": float("nan"), "inf": float("inf"), "zeros": 0.0}
        got[seed % 7, seed % 24] = planted[fault]
    surely = bool(surely_agrees(got, wanted, allowed))
    assert not surely or compare("out", got, wanted, allowed).correct
    assert surely or fault != "none"
