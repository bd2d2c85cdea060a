"""A wrong kernel is INCORRECT, and it is said how; a right one is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.load_kernels import load_op
from harness.measure.agreement import sentence
from harness.measure.poison import INTEGER_POISON, PoisonUninitialised
from harness.measure.verify import verify_variant
from harness.measure.wrong_output import examine
from harness.values.measurement import Correctness, Mismatch
from tests.measure import planted


def verify(run: Any) -> Correctness:
    op = load_op("moe_gate_up")
    return verify_variant(op, planted.variant(run), planted.case(), torch.float32, "cpu", 0)


def test_the_right_kernel_is_right_and_repeatable() -> None:
    result = verify(planted.right)
    assert result.correct and result.repeatable is True and result.max_error < 1e-6 and result.kind is None


@pytest.mark.parametrize(
    ("mistake", "kind", "words"),
    [
        (planted.zeros, Mismatch.VALUES, "256 of 256 values wrong"),
        (planted.one_wrong_nibble, Mismatch.VALUES, "dim 1: 5 of 64"),
        (planted.dropped_expert, Mismatch.VALUES, "dim 0: 1 of 4"),
        (planted.unwritten_tail, Mismatch.VALUES, "dim 1: 60..63 of 64 (the tail)"),
        (planted.swapped_nibbles, Mismatch.VALUES, "worst"),
        (planted.scale_of_the_next_group, Mismatch.VALUES, "worst"),
        (planted.changes_its_input, Mismatch.INPUT_CHANGED, "changed inputs that are not state: x"),
        (planted.two_outputs, Mismatch.OUTPUTS, "2 outputs, the op has 1"),
        (planted.Stale(), Mismatch.VALUES, "kept from an earlier call"),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__) if callable(value) else "",
)
def test_a_planted_mistake_is_incorrect_and_described(mistake: Any, kind: Mismatch, words: str) -> None:
    result = verify(mistake)
    assert not result.correct and result.kind is kind
    assert words in sentence(result)


def test_a_state_that_is_not_updated_is_wrong() -> None:
    op = load_op("kv_append")
    dims = {"batch": 1, "length": 1, "kv_heads": 2, "head_dim": 8, "context": 3, "capacity": 6, "tokens": 1}
    case = planted.case(dims=dims)
    result = verify_variant(op, planted.variant(lambda *inputs: None), case, torch.float32, "cpu", 0)
    assert not result.correct and "state k_cache: dim 2: 3 of 6" in result.region


def test_a_state_that_is_not_updated_is_diagnosed_by_its_name(tmp_path: Path) -> None:
    op, variant = load_op("kv_append"), planted.variant(lambda *inputs: None)
    dims = {"batch": 1, "length": 1, "kv_heads": 2, "head_dim": 8, "context": 3, "capacity": 6, "tokens": 1}
    case = planted.case(dims=dims)
    result = verify_variant(op, variant, case, torch.float32, "cpu", 0)
    found, evidence = examine(op, variant, case, "cpu", "uniform", result, tmp_path / "evidence")
    assert (found.pattern, found.words) == ("state not updated", "state k_cache is as it was before the call")
    assert "'state k_cache', 'state v_cache'" in (Path(evidence) / "repro.py").read_text()


def test_uninitialised_memory_is_visible_inside_the_poison_and_only_there() -> None:
    with PoisonUninitialised():
        assert torch.isnan(torch.empty(3)).all()
        assert torch.isnan(torch.empty_like(torch.zeros(3))).all()
        assert torch.isnan(torch.zeros(3).new_empty(4)).all()
        assert (torch.empty(3, dtype=torch.int32) == INTEGER_POISON).all()
        assert not torch.isnan(torch.zeros(3) + 1).any()


def test_every_op_refuses_an_output_of_zeros() -> None:
    """A tolerance that zeros pass would pass anything."""
    from harness import kernels_root

    root = kernels_root.bound_root()
    assert root is not None
    for spec in sorted(root.glob("*/spec.py")):
        op = load_op(spec.parent.name)
        for name, tolerance in op.op.tolerance.items():
            assert tolerance.max_error < 0.1 and tolerance.rms_error < 0.05, (op.name, name)
