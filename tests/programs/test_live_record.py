"""A program that nobody prepared becomes op files that the commands for own ops take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.worker.launch import reaching_harness

pytestmark = pytest.mark.slow

PROGRAM = """
import torch, triton
import triton.language as tl


@triton.jit
def scale(x, y, n, factor, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + at, tl.load(x + at, mask=at < n, other=0.0) * factor, mask=at < n)


@torch.library.custom_op("mine::norm", mutates_args=())
def norm(x: torch.Tensor, w: torch.Tensor, eps: float = 1e-6) -> torch.Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w


class Experts(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.up, self.down = torch.nn.Linear(n, 2 * n), torch.nn.Linear(2 * n, n)

    def forward(self, x, gain=1.0):
        return self.down(torch.relu(self.up(x))) * gain


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers, self.w = torch.nn.ModuleList(Experts(48) for _ in range(3)), torch.nn.Parameter(torch.ones(48))

    def forward(self, x):
        for layer in self.layers:
            y = torch.empty_like(x)
            scale[lambda meta: (triton.cdiv(x.numel(), meta["BLOCK"]),)](x, y, x.numel(), 0.5, BLOCK=32)
            x = layer(torch.ops.mine.norm(y, self.w), gain=2.0)
        return x


if __name__ == "__main__":
    model = Model()
    with torch.no_grad():
        for step in range(12):
            model(torch.randn(8 if step % 2 else 1, 48))
    raise SystemExit(3)
"""
FASTER = """
SPACE_chunked = {"parts": [1, 2]}


def run_chunked(x, w, eps, *, parts=1):
    made = [part * torch.rsqrt(part.pow(2).mean(-1, keepdim=True) + eps) * w for part in x.chunk(parts)]
    return torch.cat(made)
"""


def harness(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**reaching_harness(os.environ), "TRITON_INTERPRET": "1"}
    return subprocess.run(
        [sys.executable, "-m", "harness", *words], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip


def test_a_program_is_recorded_tried_and_swept(tmp_path: Path) -> None:
    """Its kernel, its op and its module with calls per step; its own status; a planted mistake is found, a variant of
    one's own is swept at the recorded shapes."""
    (tmp_path / "serve.py").write_text(PROGRAM)
    done = harness(tmp_path, "record", "--modules", "Experts", "--every", "3", "--", "serve.py")
    assert done.returncode == 3 and "failed: serve.py ended with status 3" in done.stderr, done.stderr[-2000:]
    assert "recorded: 4 steps among the first 12" in done.stdout and done.stdout.count("2 cases, 3 calls a step") == 3
    folder = tmp_path / "recorded"
    found = json.loads((folder / "recorded.json").read_text())
    assert [op["name"] for op in found["ops"]] == ["scale", "mine_norm", "experts"]
    assert found["ops"][0]["cases"][0]["constants"]["BLOCK"] == 32 and found["ops"][0]["written"] == ["y"]
    text = (folder / "scale.py").read_text()
    assert "triton.cdiv(n, BLOCK)" in text and "It has no definition" in text
    (folder / "scale.py").write_text(text.replace("* factor, mask", "* 0.51, mask"))
    wrong = harness(folder, "try", "scale.py", "--dtype", "float32")
    assert wrong.returncode == 5 and "right but for a factor of 1.02" in wrong.stdout, wrong.stdout + wrong.stderr
    suite = folder / "recorded.yaml"
    norm = folder / "mine_norm.py"
    norm.write_text(norm.read_text() + FASTER)
    suite.write_text(suite.read_text().partition("sweep:")[0] + "sweep: {mine_norm: {run_chunked: space}}\n")
    swept = harness(folder, "sweep", "recorded.yaml", "--processes", "2", "--rounds", "2", "--allow-failure")
    assert swept.returncode == 0 and "parts" in swept.stdout, swept.stdout + swept.stderr
