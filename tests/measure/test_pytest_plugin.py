"""A suite's kernels as pytest-benchmark benchmarks: its files hold the harness' samples, and a wrong kernel fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.pytest_plugin import Clock
from tests.conftest import REPOSITORY

SUITE = """
suite: 1
title: One kernel
model: qwen3_5_moe_tiny
dtype: float32
weights: {dtype: int4, group: 64, from: random, seed: 0}
arms: {baseline: {int4_mm: torch_blocked}, mine: {int4_mm: ./mine.py}}
kernels: {ops: [int4_mm], tokens: [1]}
"""
WRONG = """
import torch


def run(x, weight, scale, group):
    return torch.zeros(x.shape[0], weight.shape[0], dtype=x.dtype)
"""


def run_pytest(folder: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """pytest in a process of its own, with the plugin as an installation would load it."""
    installed = any(point.value == "harness.pytest_plugin" for point in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "harness.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider", "-p", "no:xdist", "-q", *arguments]
    outer = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    path = os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**outer, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done


@given(st.lists(st.floats(0.01, 1e7), min_size=1, max_size=20))
def test_the_clock_passes_exactly_the_samples(samples_us: list[float]) -> None:
    """To the last bit, whatever passed before: microseconds divided by a million are the seconds that are seen."""
    clock = Clock()
    clock.load(samples_us)
    for us in samples_us:
        clock.reset()
        start = clock.now_s()
        clock.take()
        assert clock.now_s() - start == us / 1e6


@pytest.mark.slow
def test_saved_compared_and_drawn_by_pytest_benchmark(tmp_path: Path) -> None:
    """Its own files have one benchmark a case, a round a sample, and what was measured where."""
    (tmp_path / "one.yaml").write_text(SUITE.replace(", mine: {int4_mm: ./mine.py}", ""), encoding="utf-8")
    common = ["--suite", "one.yaml", "--benchmark-only", "-k", "gdn_in"]
    run_pytest(tmp_path, *common, "--benchmark-save=first", "--benchmark-save-data")
    saved: dict[str, Any] = json.loads(next(tmp_path.glob(".benchmarks/*/0001_first.json")).read_text(encoding="utf-8"))
    (found,) = saved["benchmarks"]
    assert found["name"] == "int4_mm@gdn_in/int4-g64/float32/baseline"
    assert found["fullname"] == f"one.yaml::{found['name']}" and found["group"] == "int4_mm@gdn_in/int4-g64/float32"
    stats, facts = found["stats"], found["extra_info"]
    assert len(stats["data"]) == stats["rounds"] == 16 and stats["iterations"] == 1
    assert facts["variant"] == "torch_blocked" and facts["timer"] == "cpu" and facts["device"]
    again = run_pytest(tmp_path, *common, "--benchmark-compare=0001", "--benchmark-histogram=drawn")
    assert "(0001_first)" in again.stdout and "(NOW)" in again.stdout
    assert list(tmp_path.glob("drawn*.svg"))


def test_a_wrong_kernel_fails_and_is_not_timed(tmp_path: Path) -> None:
    """Also where benchmarks are disabled: then every case is verified once."""
    (tmp_path / "one.yaml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "mine.py").write_text(WRONG, encoding="utf-8")
    arguments = ["--suite", "one.yaml", "--benchmark-disable", "-k", "gdn_in"]
    done = run_pytest(tmp_path, *arguments, status=1)
    assert "INCORRECT" in done.stdout and "1 failed, 1 passed" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SUITE.replace("int4_mm: torch_blocked", "int4_mm: torch_blokced"), "did you mean torch_blocked?"),
        ("suite: 1\n", "title"),
    ],
)
def test_a_suite_that_is_wrong_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "one.yaml").write_text(text.replace(", mine: {int4_mm: ./mine.py}", ""), encoding="utf-8")
    done = run_pytest(tmp_path, "--suite", "one.yaml", status=4)
    assert said in done.stderr and "Traceback" not in done.stderr


def test_a_run_without_suites_is_left_alone(tmp_path: Path) -> None:
    """No torch, no suite reader, nothing collected: the plugin is there in every pytest of the environment."""
    (tmp_path / "test_x.py").write_text(
        "import sys\n\n\ndef test_x():\n    assert 'harness.pytest_plugin' in sys.modules\n"
        "    assert not {'torch', 'yaml', 'msgspec', 'scipy'} & set(sys.modules)\n",
        encoding="utf-8",
    )
    others = ["-p", "no:hypothesispytest", "-p", "no:benchmark"]
    assert "1 passed" in run_pytest(tmp_path, *others).stdout
