"""Ops of somebody's own, as files in an empty folder."""

from __future__ import annotations

from pathlib import Path

SOFTMAX = """\
import torch


def reference(x, temperature=0.5):
    return torch.softmax(x / temperature, -1)


def inputs(rows=8, n=100):
    return torch.randn(rows, n)


def run(x, temperature):
    return torch.softmax(x.float() / temperature, -1).to(x.dtype)
"""
"""The least op: eleven lines with its first kernel."""

SUITE = """\
suite: 1
title: A softmax of one's own
ops: {scaled: ./scaled.py}
arms: {mine: {}}
shapes: {scaled: {rows: [1, 8], n: 100}}
"""


def write_softmax(folder: Path, suite: str = SUITE) -> Path:
    """The op and its suite; the suite's path."""
    (folder / "scaled.py").write_text(SOFTMAX, encoding="utf-8")
    path = folder / "own.yaml"
    path.write_text(suite, encoding="utf-8")
    return path
