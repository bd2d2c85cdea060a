"""A kernel that makes one of the known mistakes, and nothing else, is told which; right output is told nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from harness.load_kernels import LoadedOp, load_op
from harness.measure.diagnosis import Returned, Wrong, diagnose
from harness.measure.expected import as_tuple
from harness.measure.hypotheses import Hypothesis, hypotheses
from harness.measure.operand_sets import arguments
from tests.kernels.catalogue import operands_of

SHAPES: dict[str, dict[str, int]] = {
    "int4_mm": {"tokens": 3, "n": 8, "k": 96, "group": 32},
    "moe_gate_up": {"tokens": 3, "experts": 5, "top_k": 2, "inter": 8, "hidden": 64, "group": 32},
    "moe_down": {"tokens": 3, "experts": 5, "top_k": 2, "inter": 64, "hidden": 16, "group": 32},
    "sdpa": {"batch": 2, "length": 2, "heads": 4, "kv_heads": 2, "head_dim": 16, "context": 5, "capacity": 9},
    "swiglu": {"tokens": 3, "inter": 24},
}


class Case:
    """An op on float32 operands, with its reference's answer."""

    def __init__(self, name: str) -> None:
        self.op: LoadedOp = load_op(name)
        self.dims = SHAPES[name]
        self.operands = operands_of(name, self.dims)
        self.wanted = self.reference(self.operands)

    def reference(self, operands: dict[str, Any]) -> tuple[Tensor, ...]:
        with torch.no_grad():
            return as_tuple(self.op.reference(*arguments(self.op, operands)))

    def mistakes(self) -> list[Hypothesis]:
        return list(hypotheses(self.op.op, self.operands, self.dims, self.reference))

    def diagnosed(self, got: tuple[Tensor, ...]) -> tuple[str, str]:
        found = diagnose(Wrong(
            self.op.op, self.operands, self.dims, {}, [Returned(*output) for output in self.op.op.outputs], got,
            self.wanted, (), {},
            self.op.tolerance("float32"), self.reference, [self.op.row_dims(name) for name, _ in self.op.op.outputs],
        ))  # fmt: skip
        return found.pattern, found.words


@pytest.mark.parametrize("name", SHAPES)
def test_every_mistake_is_named_or_gives_what_the_named_one_gives(name: str) -> None:
    """From its outputs alone. Two mistakes may have one output: a group before, and the first group for all of two."""
    case, named = Case(name), set()
    mistakes = case.mistakes()
    outputs = [one.outputs() for one in mistakes]
    for mistake, got in zip(mistakes, outputs, strict=True):
        if all(map(torch.equal, got, case.wanted)):
            continue
        found = case.diagnosed(got)
        alike = [
            (one.pattern, one.words)
            for one, other in zip(mistakes, outputs, strict=True)
            if all(torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in zip(got, other, strict=True))
        ]
        assert found in alike or found[0] in ("zero", "clipped tail", "shifted", "factor"), (mistake.words, found)
        named.add(found[0])
    assert len(named) >= 2, named


@pytest.mark.parametrize("name", SHAPES)
def test_right_output_and_an_unknown_mistake_are_none_of_the_known(name: str) -> None:
    """Noise as large as the output is none of the known mistakes, and says what was wanted."""
    case = Case(name)
    assert case.diagnosed(case.wanted) == ("", "")
    noise = tuple(torch.randn(value.shape, generator=torch.Generator().manual_seed(1)) for value in case.wanted)
    pattern, words = case.diagnosed(noise)
    assert pattern == "" and words.startswith("none of the known mistakes") and case.op.op.summary in words


def test_an_op_without_weights_experts_or_attention_has_no_mistakes_of_theirs() -> None:
    assert {one.pattern for one in Case("swiglu").mistakes()} == {
        "activation",
        "gate and up",
        "clipped sum",
        "wrong token",
    }
