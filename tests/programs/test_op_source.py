"""The text of a kernel is taken out of a program with what it uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.importers.outcome import NotImported
from harness.programs.op_source import launches_kernels, source_of

PROGRAM = '''
import torch, sys
import triton
import triton.language as tl
SCALE: tl.constexpr = 2
args = sys.argv[1:]

def configs():
    return [triton.Config({"BLOCK": 32})]

@triton.jit
def twice(x):
    return x * SCALE

@triton.autotune(
    configs(), key=["n"])
@triton.jit
def kernel(x, n, BLOCK: tl.constexpr):
    """Its own words."""
    tl.store(x, twice(tl.load(x)))

@torch.library.custom_op("mine::op", mutates_args=())
def op(x: torch.Tensor) -> torch.Tensor:
    return x + 1

if __name__ == "__main__":
    raise SystemExit("runs")
'''


def test_a_kernel_comes_with_what_it_uses_and_nothing_else(tmp_path: Path) -> None:
    """Helpers, constants, imports; not its tuner, nor what the program does."""
    (tmp_path / "serve.py").write_text(PROGRAM)
    text = source_of(str(tmp_path / "serve.py"), "kernel")
    assert "def twice" in text and "SCALE: tl.constexpr = 2" in text and '"""Its own words."""' in text
    assert "autotune" not in text and "configs" not in text and "argv" not in text and "mine::op" not in text
    assert text.count("@triton.jit") == 2 and launches_kernels(text)
    alone = source_of(str(tmp_path / "serve.py"), "op")
    assert "custom_op" not in alone and "def op(" in alone and not launches_kernels(alone)


def test_what_is_not_at_the_top_is_refused(tmp_path: Path) -> None:
    """By its name and file."""
    (tmp_path / "serve.py").write_text("def outer():\n    def kernel(): pass\n")
    with pytest.raises(NotImported, match=r"kernel is not at the top level of serve\.py"):
        source_of(str(tmp_path / "serve.py"), "kernel")
