"""A small valid suite in a folder of its own, and changed copies of it."""

from __future__ import annotations

from pathlib import Path

SUITE = """\
suite: 1
title: A small one
model: qwen3_5_moe_tiny
dtype: float32
weights: {group: 64}
arms:
  baseline:
    int4_mm: {torch_blocked: {block_n: 32}}
  other:
    like: baseline
    sdpa: torch_sdpa
kernels:
  ops: [int4_mm, sdpa]
  tokens: [1]
decode: {engines: [eager], context: [16], new_tokens: 4}
sweep:
  int4_mm: {torch_blocked: {block_n: [16, 32], where: [block_n <= n]}}
"""


def write_suite(folder: Path, old: str = "", new: str = "", text: str = SUITE) -> Path:
    """The suite with one piece of text replaced, which must be there once."""
    assert not old or text.count(old) == 1, f"{old!r} is in the suite {text.count(old)} times"
    file = folder / "small.yaml"
    file.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    return file


VARIANT = '''\
"""A variant beside a suite."""

import torch


def run(x, weight, scale, group, *, block_n: int = 64, fast: bool = False, factor: float = 1.0, layout: str = "rows"):
    matrix = torch.stack([(weight & 15).float() - 8, (weight >> 4).float() - 8], dim=-1).flatten(1)
    return (x.float() @ (matrix * scale.float().repeat_interleave(group, dim=1)).T).to(x.dtype)
'''
