"""A step that a compiler would get wrong without a word is refused in one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.decode.step import Step
from harness.errors import CaseFailed
from harness.export.foreign import Registering, import_again, registering
from harness.export.program import StepModule, export


class Counts:
    """A model that adds what it reads to a state, and answers with it and its weight."""

    def __init__(self, state: Tensor, weight: Tensor) -> None:
        self.states, self.weight = {"sum": state}, weight

    def decode(self, tokens: Tensor, position: Tensor) -> Tensor:
        self.states["sum"].add_(tokens)
        return self.weight * self.states["sum"].sum()

    def sample(self, logits: Tensor) -> Tensor:
        return logits[:, 0].long()


def step_of(state: Tensor, weight: Tensor) -> Step:
    return Step(Counts(state, weight), torch.ones(1, 5, dtype=torch.int64), 20)


def test_a_steps_tensors_are_the_programs_and_its_writes_are_known() -> None:
    """Not copies of them: what is registered is what the step holds, each once."""
    state, weight = torch.zeros(4, dtype=torch.int64), torch.ones(1, 12)
    step = step_of(state, weight)
    module = StepModule(step, {"here": weight, "and there": weight})
    assert module.tensors()["s_sum"] is state and module.tensors()["w_here"] is weight and len(module.tensors()) == 5
    with torch.no_grad():
        program = export(module)
        written = {spec.target for spec in program.run_decompositions({}).graph_signature.output_specs if spec.target}
        assert written == {"s_sum", "s_counter", "s_chosen"}
        assert step.logits is None, "nothing of the tracing is left in the step"
        assert torch.equal(step(), weight * 4)


def test_a_written_tensor_of_one_element_is_refused() -> None:
    """AOTInductor would freeze it at its first value."""
    with pytest.raises(CaseFailed, match="s_sum has one element"):
        StepModule(step_of(torch.zeros(1, dtype=torch.int64), torch.ones(1, 12)), {})


def test_a_tensor_that_is_neither_state_nor_weight_is_refused() -> None:
    """A package would hold a copy of it."""
    module = StepModule(step_of(torch.zeros(4, dtype=torch.int64), torch.ones(1, 12)), {})
    with pytest.raises(CaseFailed, match="1 tensors that are neither states nor weights"), torch.no_grad():
        export(module)


def test_operators_of_other_packages_are_registered_where_a_package_is_compiled(tmp_path: Path) -> None:
    """By a module that an import finds, and by a file that none finds; torch's own and ours need none."""
    file = tmp_path / "somebodys_ops.py"
    file.write_text(
        f"import torch\n\n\n@torch.library.custom_op('{'somebody'}::twice', mutates_args=())\n"
        "def twice(x: torch.Tensor) -> torch.Tensor:\n    return 2 * x\n\n\ntwice.register_fake(torch.empty_like)\n"
    )
    spec = importlib.util.spec_from_file_location("somebodys_ops", file)
    assert spec is not None and spec.loader is not None
    sys.modules["somebodys_ops"] = made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)

    class Twice(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return made.twice(x) + 1  # type: ignore[no-any-return]

    program = torch.export.export(Twice(), (torch.ones(2),), strict=True)
    [found] = registering(program)
    assert found == Registering("somebodys_ops", str(file))
    del sys.modules["somebodys_ops"]
    del made.twice
    import_again([found, Registering("json", "")])
    assert sys.modules.pop("somebodys_ops").twice is not None
    assert registering(torch.export.export(torch.nn.Linear(2, 2), (torch.ones(2),), strict=True)) == ()
