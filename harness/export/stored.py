"""A program in a file, without the weights where the compiler needs only their sizes: those of 35 billion parameters
take 80 seconds and 18 GB.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import torch
from torch import Tensor
from torch.export import ExportedProgram

LARGE_BYTES = 1 << 20


class Blank(msgspec.Struct, frozen=True):
    """A tensor that the file does not hold: zeros take its place."""

    name: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: str
    device: str


def write_program(program: ExportedProgram, file: Path, with_values: bool) -> tuple[Blank, ...]:
    """Write the program; return the large tensors that are left out unless `with_values`.

    The compiler runs the step while it compiles, on zeros as well as on weights. Only a choice among configurations
    needs the values.
    """
    large = {} if with_values else {n: t for n, t in program.state_dict.items() if t.nbytes > LARGE_BYTES}
    with _replaced(program, {name: _of_kind(tensor, tensor.new_zeros(1)) for name, tensor in large.items()}):
        torch.export.save(program, file)
    return tuple(
        Blank(name, tuple(t.shape), tuple(t.stride()), str(t.dtype).removeprefix("torch."), str(t.device))
        for name, t in large.items()
    )


def read_program(file: str, blanks: tuple[Blank, ...]) -> ExportedProgram:
    """The program, with zeros for what the file does not hold."""
    program = torch.export.load(file)
    for blank in blanks:
        dtype = getattr(torch, blank.dtype)
        zeros = torch.empty_strided(blank.shape, blank.stride, dtype=dtype, device=blank.device).zero_()
        program.state_dict[blank.name] = _of_kind(program.state_dict[blank.name], zeros)
    return program


def _of_kind(like: Tensor, tensor: Tensor) -> Tensor:
    return torch.nn.Parameter(tensor, requires_grad=False) if isinstance(like, torch.nn.Parameter) else tensor


@contextmanager
def _replaced(program: ExportedProgram, tensors: dict[str, Tensor]) -> Iterator[None]:
    """Inside, the program holds these tensors in place of its own."""
    own = {name: program.state_dict[name] for name in tensors}
    program.state_dict.update(tensors)
    try:
        yield
    finally:
        program.state_dict.update(own)
