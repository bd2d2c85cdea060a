"""A decode step as a program of `torch.export`: every tensor that it reads or writes is a buffer with a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from harness.decode.step import Step
from harness.errors import CaseFailed


class StepModule(torch.nn.Module):
    """A step whose tensors are buffers.

    Names begin with `s_` and `w_`: each becomes a variable of the generated C++, where `stream` alone would hide a
    parameter. The layers keep the tensors that they hold: strict export finds that they are the same objects.
    """

    def __init__(self, step: Step, weights: Mapping[str, Tensor]) -> None:
        """Raises CaseFailed for a state of one element, whose value AOTInductor would freeze."""
        super().__init__()
        self._step = step
        self.written: list[str] = []
        self._seen: set[tuple[Any, ...]] = set()
        own = {name: getattr(step, name) for name in ("stream", "chosen", "counter")}
        for name, tensor in {**own, **step.decoder.states}.items():
            self._add(f"s_{word(name)}", tensor, written=True)
        for name, tensor in weights.items():
            self._add(f"w_{word(name)}", tensor, written=False)
        for name in self.written:
            if self.get_buffer(name).numel() == 1:  # pytorch issue 165444, seen with 2.11 and 2.13
                raise CaseFailed(f"{name} has one element: AOTInductor freezes its value though the step writes it")

    def _add(self, name: str, tensor: Tensor, written: bool) -> None:
        key = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if key not in self._seen:
            self._seen.add(key)
            register(self, name, tensor)
            self.written += [name] * written

    def forward(self) -> Tensor:
        return self._step()

    def tensors(self) -> dict[str, Tensor]:
        """The step's own tensors by name, not copies."""
        return {**dict(self.named_parameters()), **dict(self.named_buffers())}


def register(module: torch.nn.Module, name: str, tensor: Tensor) -> None:
    """Hold a tensor under a name, as what it is: strict export knows a parameter of somebody's module by its kind."""
    if isinstance(tensor, torch.nn.Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def export(module: StepModule) -> torch.export.ExportedProgram:
    """The program of the step. Raises CaseFailed where it holds a tensor that is no buffer: a package would have a copy
    of it, and writes to it would be lost without an error.
    """
    step = module._step
    logits = step.logits
    try:
        # Without `strict`, states come out twice: as buffers that are not written, and as constants.
        program = torch.export.export(module, (), strict=True)
    finally:
        step.logits = logits  # tracing left one of its own there
    check_inputs(program)
    return program


def check_inputs(program: torch.export.ExportedProgram) -> None:
    """Raises the CaseFailed that `export` describes."""
    kinds = Counter(spec.kind.name for spec in program.graph_signature.input_specs)
    if kinds["CONSTANT_TENSOR"]:
        specs = program.graph_signature.input_specs
        names = [spec.target or spec.arg.name for spec in specs if spec.kind.name == "CONSTANT_TENSOR"]
        held = f"{len(names)} tensors that are neither states nor weights ({', '.join(names[:3])})"
        raise CaseFailed(f"the exported step holds {held}: a package would hold copies")


def word(name: str) -> str:
    """The name as an identifier that is valid in C++, too."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)
