"""Digests that see every bit, and sums from which the distance of two outputs is known."""

from __future__ import annotations

from array import array

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.output_record import CHUNK, SUMS, digest, record_of, sums_of


@given(st.integers(0, 2**32 - 1), st.integers(1, 4000), st.sampled_from([torch.float32, torch.bfloat16, torch.int32]))
def test_a_digest_changes_with_any_bit(seed: int, count: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = (100 * torch.randn(count, generator=generator)).to(dtype)
    other = values.clone()
    place = int(torch.randint(count, (1,), generator=generator))
    words = other.view(torch.int16 if dtype == torch.bfloat16 else torch.int32)
    words[place] ^= 1
    assert digest(values) == digest(values.clone())
    assert digest(values) != digest(other)


def test_a_digest_sees_order_shape_and_dtype() -> None:
    values = torch.arange(12.0)
    assert len({digest(v) for v in (values, values.flip(0), values.view(3, 4), values.double(), values.int())}) == 5
    assert digest(values.view(3, 4).t().contiguous().t()) == digest(values.view(3, 4)), "strides are no values"


def test_a_digest_does_not_depend_on_where_a_tensor_lies() -> None:
    """Nor one of another number of bytes than eight on a neighbour's."""
    values = torch.arange(64, dtype=torch.uint8)
    for length in (16, 15, 8, 1, 0):
        assert digest(values[3 : 3 + length]) == digest(values[3 : 3 + length].clone())
    assert digest(values[:15]) != digest(values[1:16])


def test_a_digest_goes_over_all_chunks() -> None:
    values = torch.zeros(CHUNK + 5, dtype=torch.uint8)
    others = [values.clone() for _ in range(2)]
    others[0][CHUNK + 4], others[1][3] = 1, 1
    assert len({digest(v) for v in (values, *others)}) == 3


@pytest.mark.parametrize("shape", [(5000,), (64, 2048), (3, 100_000)])
@pytest.mark.parametrize("where", ["everywhere", "one column", "one row", "one value"])
def test_the_distance_of_two_outputs_is_that_of_their_sums(shape: tuple[int, ...], where: str) -> None:
    """Wherever the difference lies, to within four standard errors of 9 %."""
    generator = torch.Generator().manual_seed(hash(shape) % 1000)
    values = torch.randn(shape, generator=generator)
    change = torch.zeros_like(values)
    if where == "one value":
        change.view(-1)[1234] = 0.3
    elif where == "one column":
        change[..., 7] = 0.1
    elif where == "one row":
        change[0] = 0.1
    else:
        change = 0.01 * torch.randn(shape, generator=generator)
    seen = (sums_of(values + change) - sums_of(values)).square().sum().sqrt()
    true = ((values + change).double() - values.double()).square().sum().sqrt()
    assert seen / true == pytest.approx(1, abs=4 * (2 / SUMS) ** 0.5 / 2)


def test_sums_are_the_same_on_any_cut() -> None:
    """Whatever the chunks, a value has one sign and one sum."""
    values = torch.randn(CHUNK + 777, generator=torch.Generator().manual_seed(0))
    head, tail = values.clone(), values.clone()
    head[CHUNK:], tail[:CHUNK] = 0, 0
    assert torch.allclose(sums_of(head) + sums_of(tail), sums_of(values))


def test_a_record_has_each_output_and_the_operands() -> None:
    x, y, ids = torch.ones(4), torch.tensor([3.0, 4.0]), torch.tensor([1, 2])
    found = record_of({"x": x, "k": 2}, [("y", y), ("ids", ids)])
    assert [(t.name, t.norm, t.exact) for t in found.tensors] == [("y", 5.0, False), ("ids", 5**0.5, True)]
    assert len(array("f", found.tensors[0].sums)) == SUMS
    assert found.operands == record_of({"k": 2, "x": x}, []).operands
    assert found.operands != record_of({"k": 3, "x": x}, []).operands
