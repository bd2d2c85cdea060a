"""A suite beside which lies a variant with a real tunable and, on demand, planted faults."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import REPOSITORY
from tests.suite.suite_files import write_suite

TINY = (REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml").read_text()
FAULTS = """
import os
import time


def run(x, weight, scale, group, *, block_n: int = 64, fault: str = "none"):
    if fault == "hang":
        time.sleep(600)
    if fault == "abort":
        os.abort()
    out = right(x, weight, scale, group, block_n=block_n)
    return torch.zeros_like(out) if fault == "zeros" else out
"""
SLOW = """
import time


def run(x, weight, scale, group, *, block_n: int = 64):
    time.sleep(0.002)
    return right(x, weight, scale, group, block_n=block_n)
"""
MATCH = "gdn_in"


def swept_suite(folder: Path, extra: str, space: str, baseline: str = "./mine.py") -> Path:
    """A suite that sweeps `./mine.py` (torch_blocked, wrapped by `extra`) over `space`; kernels only."""
    source = (REPOSITORY / "kernels" / "int4_mm" / "torch_blocked.py").read_text()
    (folder / "mine.py").write_text(source.replace("def run(", "def right(") + extra)
    text = TINY[: TINY.index("\ndecode:") + 1].replace("int4_mm: torch_blocked", f"int4_mm: {baseline}", 1)
    text = text.replace("ops: [moe_gate_up, moe_down, int4_mm, sdpa, gated_delta_rule, router]", "ops: [int4_mm]")
    text = text.replace("int4_mm: {torch_blocked: tuned}", "int4_mm: {./mine.py: tuned}")
    return write_suite(folder, text=text + f"sweep:\n  int4_mm: {{./mine.py: {space}}}\n")
