"""A program in a file without its large weights, and packages that two processes ask for at once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import torch

from harness.export.kept import kept_or_made
from harness.export.stored import read_program, write_program
from harness.values.package import Package


class Large(torch.nn.Module):
    """A buffer, a transposed one, a parameter, each of 2 MiB, and a small one."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("wide", torch.randn(512, 1024))
        self.register_buffer("turned", torch.randint(0, 255, (1024, 2048), dtype=torch.uint8).t())
        self.register_buffer("small", torch.randn(4, 512))
        self.weight = torch.nn.Parameter(torch.randn(1024, 512), requires_grad=False)

    def forward(self) -> torch.Tensor:
        return self.small @ self.wide @ self.weight + self.turned.float().sum()


def test_what_a_file_leaves_out_is_zero_of_the_same_kind_and_layout(tmp_path: Path) -> None:
    """The program in memory keeps what it had, and a file with values is the same program."""
    module = Large()
    program = torch.export.export(module, (), strict=True)
    wanted = module()
    blanks = write_program(program, tmp_path / "light.pt2", with_values=False)
    assert {blank.name for blank in blanks} == {"wide", "turned", "weight"}
    assert (tmp_path / "light.pt2").stat().st_size < 100_000 and torch.equal(program.module()(), wanted)
    found = read_program(str(tmp_path / "light.pt2"), blanks)
    for name, tensor in program.state_dict.items():
        other = found.state_dict[name]
        assert (type(other), other.shape, other.stride(), other.dtype) == (
            type(tensor), tensor.shape, tensor.stride(), tensor.dtype,
        )  # fmt: skip
        assert torch.equal(other, tensor if name == "small" else torch.zeros_like(tensor))
    assert write_program(program, tmp_path / "whole.pt2", with_values=True) == ()
    assert torch.equal(read_program(str(tmp_path / "whole.pt2"), ()).module()(), wanted)


def test_two_that_want_one_package_make_it_once(tmp_path: Path) -> None:
    """The second waits for the first; one that failed is made by the next."""
    made: list[int] = []

    def make() -> Package:
        made.append(len(made))
        time.sleep(0.2)
        return Package("pt2", 1.0, 2.0, 3, f"made {len(made)}")

    def asks() -> None:
        found.append(kept_or_made(tmp_path / "package", make).digest)

    found: list[str] = []
    threads = [threading.Thread(target=asks) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [0] and found == ["made 1"] * 3
