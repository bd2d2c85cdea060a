"""Steps as programs of ExecuTorch: what the runtime lacks is said before anything is loaded."""

from __future__ import annotations

import sys

import pytest
import torch

from harness.errors import CaseFailed
from harness.export import pte
from tests.export.test_program import step_of


def test_without_the_package_there_is_one_line_that_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing has been exported by then."""
    monkeypatch.setitem(sys.modules, "executorch.runtime", None)
    monkeypatch.setitem(sys.modules, "executorch", None)
    with pytest.raises(CaseFailed, match=r"pip install 'executorch>=1.5,<1.6'"):
        pte.runtime()


def test_operators_without_a_kernel_are_rewritten() -> None:
    """A shift of bytes and a stable sort: the same values by operators that the runtime has."""

    class Odd(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x >> 4, torch.sort(x, dim=-1, descending=True, stable=True).values

    x = torch.tensor([[17, 255, 64, 3]], dtype=torch.uint8)
    program = torch.export.export(Odd(), (x,), strict=True)
    assert pte.rewrite(program) == {"__rshift__.Scalar": 1, "sort.stable": 1}
    for got, wanted in zip(program.module()(x), Odd()(x), strict=True):
        assert torch.equal(got, wanted)


def test_both_methods_hold_the_steps_states() -> None:
    """Under the same names, which is how the program knows that they are one; the weights are in one of them alone."""
    state, weight = torch.zeros(4, dtype=torch.int64), torch.ones(1, 12)
    found = pte.exported(step_of(state, weight), {"here": weight})
    held = {
        name: {spec.target for spec in one.graph_signature.input_specs if spec.target} for name, one in found.items()
    }
    assert held == {"decode": {"s_sum", "w_here"}, "restore": {"s_sum"}}


def test_the_parameters_of_a_module_inside_are_weights() -> None:
    """Of somebody's module, which the decoder holds: strict export finds them by their kind."""
    inner = torch.nn.Linear(12, 1, bias=False).requires_grad_(False)
    step = step_of(torch.zeros(4, dtype=torch.int64), torch.ones(1, 12))
    step.decoder.sample = lambda logits: inner(logits)[:, 0].long()
    found = pte.exported(step, {"here": step.decoder.weight, "inner": inner.weight})
    assert "w_inner" in found["decode"].graph_signature.inputs_to_parameters.values()


def test_a_kernel_that_the_runtime_lacks_is_named() -> None:
    """All of them in one line."""
    pytest.importorskip("executorch")
    pte.check_kernels({"aten::add.out"})
    with pytest.raises(CaseFailed, match=r"no kernel for aten::_nothing\.out, aten::none$"):
        pte.check_kernels({"aten::add.out", "aten::none", "aten::_nothing.out"})
