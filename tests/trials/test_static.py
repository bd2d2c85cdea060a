"""`compare --static` finds Triton by what is launched, and what compiles on neither side is never SAME."""

from __future__ import annotations

from pathlib import Path

from tests.trials.commands import Said, git, harness
from tests.trials.test_kernels import NORM

SUITE = """\
suite: 1
title: One norm
arms: {mine: {rms_norm: ./k.py}}
shapes: {rms_norm: {heads: 1, width: 2048}}
"""


def compared(folder: Path, base: dict[str, str], head: dict[str, str]) -> Said:
    """Both sides of a repository with these files, compiled for sm_90."""
    git(folder, "init", "-q")
    for name, text in (base | {"s.yaml": SUITE}).items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "base")
    for name, text in head.items():
        (folder / name).write_text(text)
    return harness(folder, "compare", "HEAD", ".", "--static", "--target", "sm_90")


def test_triton_that_comes_through_another_module(tmp_path: Path) -> None:
    """However a kernel imports it: here a neighbour has it, and the changed kernel is WORSE."""
    wide = NORM.replace("BLOCK=triton.next", "num_warps=8, BLOCK=triton.next")
    kernel = wide.replace("import triton\nimport triton.language as tl\n", "from theirs import tl, triton\n")
    head = kernel.replace("num_warps=8", "num_warps=1")
    said = compared(tmp_path, {"k.py": kernel, "theirs.py": "import triton, triton.language as tl\n"}, {"k.py": head})
    assert said.status == 1 and "WORSE" in said.text and "left out" not in said.text, said.text


def test_what_compiles_on_neither_side_is_failed(tmp_path: Path) -> None:
    """A broken import on both sides does not leave CI green."""
    broken = NORM.replace("import torch\n", "import torch\nfrom nowhere_to_be_found import anything\n")
    said = compared(tmp_path, {"k.py": broken}, {"k.py": broken + "\n# changed\n"})
    assert said.status == 5 and "FAILED on both sides" in said.text, said.text
