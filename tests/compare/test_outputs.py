"""Both sides' outputs: the same bits, equal within rounding, or different; from what each side stored of its own."""

from __future__ import annotations

import msgspec
import pytest
import torch
from torch import Tensor

from harness.compare import StoredSide, compare
from harness.compare.outputs import compare_outputs
from harness.measure.output_record import record_of
from harness.values.measurement import Correctness, Measurement
from harness.values.numerics import Determinism, Numerics, OutputRecord, OutputsCompared, Sameness
from harness.values.verdict import Comparison
from tests.compare.stored_runs import kernel, measured, stored

ALLOWED = 0.008
VALUES = torch.randn(64, 2048, generator=torch.Generator().manual_seed(3))
RIGHT = Correctness(True, 0.001, 0.0005, 0.02, ALLOWED, 0, VALUES.numel())


def side(
    output: Tensor = VALUES, name: str = "y", operand: float = 1.0, repeats: Sameness = Sameness.BITWISE,
    site: str = "lm_head",
) -> Measurement:  # fmt: skip
    record = record_of({"x": torch.tensor(operand)}, [(name, output)])
    numerics = Numerics(Determinism(repeats, 20), outputs=record)
    found = measured(kernel(site), [10.0 + 0.01 * process for process in range(8)])
    return msgspec.structs.replace(found, correctness=RIGHT, numerics=numerics)


def compared(base: Measurement, head: Measurement) -> OutputsCompared:
    found = compare_outputs(base, head)
    assert found is not None
    return found


def test_equal_outputs_are_bit_for_bit() -> None:
    found = compared(side(), side(VALUES.clone()))
    assert found.sameness is Sameness.BITWISE and found.word == "same bits" and found.distance == ""


def test_another_rounding_is_measured_and_said() -> None:
    """To within the sketch's error of 9 %."""
    noise = torch.randn(VALUES.shape, generator=torch.Generator().manual_seed(4))
    found = compared(side(), side(VALUES + 3e-4 * noise))
    assert found.sameness is Sameness.WITHIN
    assert found.rms_difference == pytest.approx(3e-4, rel=0.3)
    assert found.word == "rounding"
    assert found.distance.startswith("rms ") and found.distance.endswith("(allowed 8e-03)")


def test_what_rounding_does_not_explain_differs() -> None:
    changed = VALUES.clone()
    changed[5] = 0  # one row of 64
    found = compared(side(), side(changed))
    assert found.sameness is Sameness.DIFFERS and found.rms_difference == pytest.approx(1 / 8, rel=0.3)


def test_one_last_bit_of_one_value_is_not_bit_for_bit() -> None:
    changed = VALUES.clone()
    changed.view(torch.int32)[7, 7] ^= 1
    assert compared(side(), side(changed)).sameness is Sameness.WITHIN


def test_integers_that_are_not_equal_differ() -> None:
    ids = torch.arange(8)
    assert compared(side(ids), side(ids.clone())).sameness is Sameness.BITWISE
    assert compared(side(ids), side(ids.flip(0))).sameness is Sameness.DIFFERS


def test_another_shape_dtype_or_output_differs() -> None:
    for other in (side(VALUES[:32]), side(VALUES.bfloat16()), side(name="z")):
        assert compared(side(), other).sameness is Sameness.DIFFERS


def test_on_other_operands_nothing_is_said_of_the_outputs() -> None:
    found = compared(side(), side(operand=2.0))
    assert found.sameness is None and found.word == "other operands" and found.distance == ""


def test_a_kernel_that_does_not_repeat_itself_says_so() -> None:
    found = compared(side(), side(VALUES * 1.0001, repeats=Sameness.WITHIN))
    assert not found.repeats and found.distance.endswith("; not repeatable")


def test_a_file_from_elsewhere_with_sums_that_are_none_differs() -> None:
    for sums in (b"", b"abc", b"abcd"):
        other = side(VALUES * 2)
        assert other.numerics is not None and other.numerics.outputs is not None
        (tensor,) = other.numerics.outputs.tensors
        broken = OutputRecord(other.numerics.outputs.operands, (msgspec.structs.replace(tensor, sums=sums),))
        head = msgspec.structs.replace(other, numerics=Numerics(outputs=broken))
        assert compared(side(), head).sameness is Sameness.DIFFERS


def test_a_run_from_before_records_were_kept_has_no_word() -> None:
    old = msgspec.structs.replace(side(), numerics=None)
    assert compare_outputs(old, side()) is None and compare_outputs(None, side()) is None


def both(*outputs: tuple[Tensor, Tensor]) -> Comparison:
    runs = [
        stored(*(side(pair[place], site=f"s{number}") for number, pair in enumerate(outputs)), run_id=str(place + 1))
        for place in (0, 1)
    ]
    return compare(StoredSide(runs[0]), StoredSide(runs[1]))


def test_a_comparison_holds_the_outputs_of_each_case_beside_its_verdict() -> None:
    """And notes what is news though nothing became slower."""
    found = both((VALUES, VALUES), (VALUES, 1.0001 * VALUES), (VALUES, 0 * VALUES))
    kinds = [v.outputs.sameness for v in found.verdicts if v.outputs]
    assert kinds == [Sameness.BITWISE, Sameness.WITHIN, Sameness.DIFFERS]
    note = next(note for note in found.notes if note.startswith("outputs:"))
    assert "the same bits on both sides in 1 of 3 cases; 1 equal within rounding (int4_mm@s1" in note
    assert "1 further apart than rounding (int4_mm@s2" in note


def test_where_all_bits_are_equal_nothing_is_noted() -> None:
    assert not any(note.startswith("outputs:") for note in both((VALUES, VALUES)).notes)
