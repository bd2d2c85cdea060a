"""What six strangers write, each from an empty folder: files of their own alone."""

from __future__ import annotations

from tests.conftest import REPOSITORY
from tests.own_ops.ops import SOFTMAX

EXAMPLES = REPOSITORY / "examples" / "own_op"

PAGED_SUITE = """\
suite: 1
title: Attention over pages
arms: {mine: {}}
shapes:
  ragged_paged_attention: {sequences: [2, 3], heads: 4, head_dim: 32, pages: 16}
"""
FLOAT8_SUITE = """\
suite: 1
title: A float8 product
ops: {fp8_block_mm: ./fp8_block_mm.py}
arms: {torch: {fp8_block_mm: run_torch}, mine: {fp8_block_mm: run}}
shapes: {fp8_block_mm: {n: 256, k: [256, 512], tokens: 8}}
"""
THEIR_KERNEL = """\
import torch
import triton
import triton.language as tl


@triton.autotune([triton.Config({"ROWS": r}, num_warps=w) for r in (1, 4) for w in (2, 4)], key=["n"])
@triton.jit
def swiglu_kernel(x, y, rows, n, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    inside = (row < rows) & (at < n)
    gate = tl.load(x + row * 2 * n + at, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(x + row * 2 * n + n + at, mask=inside, other=0.0)
    tl.store(y + row * n + at, gate * tl.sigmoid(gate) * up, mask=inside)
"""
"""Somebody else's file, as it is."""
AROUND_THEIR_KERNEL = """\
import torch
import triton
from theirs import swiglu_kernel


def run(gate_up):
    rows, n = gate_up.shape[0], gate_up.shape[1] // 2
    y = torch.empty(rows, n, dtype=gate_up.dtype, device=gate_up.device)
    grid = lambda meta: (triton.cdiv(rows, meta["ROWS"]), triton.cdiv(n, 256))
    swiglu_kernel[grid](gate_up, y, rows, n, BLOCK=256)
    return y
"""
PACKAGE = {
    "mine/__init__.py": "",
    "mine/rows.py": "def scaled(x, size):\n    return x.float() / size\n",
    "mine/sizes.py": "def largest(x):\n    return x.float().abs().amax(-1, keepdim=True)\n",
    "mine/op.py": """\
from mine.sizes import largest

from .rows import scaled


def reference(x):
    return x / x.abs().amax(-1, keepdim=True)


def inputs(rows=4, n=64):
    import torch

    return torch.randn(rows, n)


def run(x):
    return scaled(x, largest(x)).to(x.dtype)
""",
    "s.yaml": """\
suite: 1
title: Rows by their largest value
ops: {by_largest: mine.op}
arms: {mine: {}}
shapes: {by_largest: {rows: [1, 4], n: 64}}
""",
}
SWEPT = """\
import torch


SPACE = {"parts": [2**i for i in range(3)]}


def reference(x):
    return torch.softmax(x, -1)


def inputs(rows=64, n=1024):
    return torch.randn(rows, n)


def run(x, *, parts=1):
    return torch.cat([torch.softmax(part.float(), -1) for part in x.chunk(parts)]).to(x.dtype)
"""
SWEPT_SUITE = """\
suite: 1
title: A softmax in parts
ops: {soft: ./soft.py}
arms: {mine: {soft: run}, tuned: {soft: {run: tuned}}}
shapes: {soft: {rows: 256, n: 1024}}
sweep: {soft: {run: space}}
"""

TASKS: dict[str, dict[str, str]] = {
    "an op in one file": {"my_softmax.py": SOFTMAX},
    "paged attention": {
        "ops/ragged_paged_attention.py": (EXAMPLES / "ops" / "ragged_paged_attention.py").read_text(),
        "s.yaml": PAGED_SUITE,
    },
    "a float8 product": {"fp8_block_mm.py": (EXAMPLES / "fp8_block_mm.py").read_text(), "s.yaml": FLOAT8_SUITE},
    "an autotuned kernel": {"theirs.py": THEIR_KERNEL, "around.py": AROUND_THEIR_KERNEL},
    "a package": PACKAGE,
    "sweep and compare": {"soft.py": SWEPT, "s.yaml": SWEPT_SUITE},
}
NOT_THEIRS = ("theirs.py",)


def lines_of(task: str) -> int:
    """Lines that are not empty, of what the stranger wrote."""
    texts = (text for name, text in TASKS[task].items() if name not in NOT_THEIRS)
    return sum(bool(line.strip()) for text in texts for line in text.splitlines())
