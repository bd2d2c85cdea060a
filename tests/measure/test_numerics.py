"""Repeatable or not, and whether a row depends on the rows beside it: labels of right kernels and of planted ones."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from harness.device.cpu import CpuDevice
from harness.device.fake import FakeDevice
from harness.load_kernels import load_op
from harness.measure.batch_invariance import batch_invariance, rows_axis
from harness.measure.candidate import Candidate, Rejected
from harness.measure.determinism import CALLS, determinism
from harness.measure.expected import Expected
from harness.measure.numerics import numerics_of
from harness.measure.operand_sets import Operands, torch_dtype
from harness.measure.verify import check_operands
from harness.values.numerics import Determinism, Sameness
from tests.measure import planted


@pytest.fixture(autouse=True)
def _as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of calls is not a matter of the load."""
    monkeypatch.setattr("harness.measure.determinism.SECONDS", math.inf)
    monkeypatch.setattr("harness.measure.batch_invariance.SECONDS", math.inf)


def candidate(run: planted.Run) -> Candidate:
    """A loaded case whose variant is `run`."""
    found = Candidate.__new__(Candidate)
    found.case, found.op = planted.case(), load_op("moe_gate_up")
    found.variant, found.tunables = planted.variant(run), {}
    return found


def operands(of: Candidate) -> Operands:
    raw = check_operands(of.op, of.case, torch_dtype(of.case.activations), "cpu", 0, 0, "uniform")
    assert raw is not None
    return raw


def label(run: planted.Run, device: Any = None) -> Determinism:
    of = candidate(run)
    return determinism(of, Expected(of.op, of.case, operands(of)), device or FakeDevice())[0]


def shifted(shares: Iterator[float]) -> planted.Run:
    """Right, with one value off by the next share of what the tolerance allows."""

    def run(*inputs: Any) -> Any:
        out = planted.right(*inputs)
        allowed = load_op("moe_gate_up").tolerance("float32", planted.DIMS).max_error * out.abs().max()
        out.view(-1)[out.abs().argmax()] += next(shares) * allowed
        return out

    return run


def test_a_kernel_that_repeats_itself_is_bit_for_bit_over_twenty_calls() -> None:
    assert label(planted.right) == Determinism(Sameness.BITWISE, CALLS)


def test_another_last_bit_in_one_call_of_twenty_is_seen() -> None:
    """And measured: the difference is that which was planted, relative to the output's size."""
    turns = itertools.chain([0.0] * 13, [0.2], itertools.repeat(0.0))
    found = label(shifted(turns))
    allowed = load_op("moe_gate_up").tolerance("float32", planted.DIMS).max_error
    assert (found.sameness, found.calls, found.differing) == (Sameness.WITHIN, CALLS, 1)
    assert found.max_difference == pytest.approx(0.2 * allowed, rel=0.05)


def test_two_right_results_further_apart_than_the_tolerance_do_not_repeat() -> None:
    assert label(shifted(itertools.cycle([0.9, -0.9]))).sameness is Sameness.DIFFERS


def test_a_call_that_is_wrong_beside_a_neighbour_alone_is_incorrect() -> None:
    """A race that an idle machine hides: here the kernel looks for the neighbour's thread."""

    def races(*inputs: Any) -> Any:
        busy = any(thread.name == "busy neighbour" for thread in threading.enumerate())
        return planted.right(*inputs) * (2 if busy else 1)

    assert label(races).sameness is Sameness.BITWISE, "no neighbour, no race"
    with pytest.raises(Rejected, match="right alone, wrong beside a busy neighbour"):
        label(races, CpuDevice())


def test_the_neighbour_of_a_cpu_works_inside_and_has_ended_afterwards() -> None:
    names = {thread.name for thread in threading.enumerate()}
    with CpuDevice().neighbour() as beside:
        inside = beside(lambda: {thread.name for thread in threading.enumerate()})
    assert inside - names == {"busy neighbour"}
    assert {thread.name for thread in threading.enumerate()} == names


def test_nan_repeats_itself_and_minus_zero_is_another_bit() -> None:
    from harness.measure.repeated import Repeated

    found = Repeated([torch.tensor([float("nan"), 1.0, 0.0])])
    found.add([torch.tensor([float("nan"), 1.0, 0.0])])
    assert (found.differing, found.max_difference) == (0, 0.0)
    found.add([torch.tensor([float("nan"), 1.0, -0.0])])
    assert (found.differing, found.max_difference) == (1, 0.0)
    found.add([torch.tensor([1.0, 1.0, 0.0])])
    assert (found.differing, found.max_difference) == (2, float("inf"))


def by_row(x: Any, expert_ids: Any, *rest: Any) -> Any:
    """The right result, one token after the other."""
    rows = [planted.right(x[i : i + 1], expert_ids[i : i + 1], *rest) for i in range(len(x))]
    return torch.cat(rows)


def test_a_kernel_that_takes_its_rows_one_by_one_is_batch_invariant() -> None:
    of = candidate(by_row)
    found = batch_invariance(of, operands(of), FakeDevice(), "uniform")
    assert found is not None
    assert (found.axis, found.among, found.rows, found.sameness) == ("tokens", 8, 8, Sameness.BITWISE)


@pytest.mark.parametrize(("share", "wanted"), [(1e-7, Sameness.WITHIN), (1e-2, Sameness.DIFFERS)])
def test_a_row_that_takes_something_of_its_neighbours_is_seen_and_measured(share: float, wanted: Sameness) -> None:
    def leaks(x: Any, *rest: Any) -> Any:
        out = by_row(x, *rest)
        return out + share * out.abs().max() * (len(x) > 1)

    of = candidate(leaks)
    found = batch_invariance(of, operands(of), FakeDevice(), "uniform")
    assert found is not None and found.sameness is wanted
    assert share / 4 < found.max_difference < 4 * share


def test_a_kernel_that_raises_at_eight_rows_is_right_at_its_own_number() -> None:
    """What the case does not ask for is no failure of the case."""

    def for_two(x: Any, *rest: Any) -> Any:
        if len(x) > 2:
            raise ValueError("two rows at most")
        return planted.right(x, *rest)

    of = candidate(for_two)
    found = batch_invariance(of, operands(of), FakeDevice(), "uniform")
    assert found is not None and found.sameness is None and found.not_run == "ValueError: two rows at most"


@pytest.mark.parametrize(
    ("op", "axis"),
    [
        ("int4_mm", "tokens"), ("moe_down", "tokens"), ("gated_rms_norm", "tokens"), ("sdpa", "batch"),
        ("gated_delta_rule", "batch"), ("kv_append", "batch"), ("greedy", "batch"), ("rope", "batch"),
    ],
)  # fmt: skip
def test_the_axis_of_rows_follows_from_an_ops_shapes(op: str, axis: str) -> None:
    """`tokens * heads` has rows of several places; where there are sequences, a row is one of them."""
    loaded = load_op(op)
    assert rows_axis(loaded.op, loaded.test_shapes[0]) == axis


def test_an_op_without_such_a_dim_has_no_rows() -> None:
    op = SimpleNamespace(outputs=(("y", ("n", "k")),), inputs=())
    assert rows_axis(op, {"n": 2, "k": 4}) is None


def test_every_part_of_a_case_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Triton's interpreter none is: it runs one program after the other."""
    of = candidate(by_row)
    expected = Expected(of.op, of.case, operands(of))
    found = numerics_of(of, expected, FakeDevice(), "uniform")
    assert found is not None and found.outputs is not None and found.batch_invariance is not None
    assert [tensor.name for tensor in found.outputs.tensors] == ["gate_up"]
    assert numerics_of(of, expected, FakeDevice(), "uniform", repeat_only=True) == type(found)(found.determinism)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert numerics_of(of, expected, FakeDevice(), "uniform") is None
