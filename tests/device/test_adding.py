"""A new engine and a new timer are a module and a name each, and `harness run` on a CPU measures with them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.store import Store
from tests.conftest import REPOSITORY

ENGINE = '''
"""Steps that say themselves how long they took: 12.5 us each."""

from harness.values.engine import EngineFacts

FACTS = EngineFacts(op_by_op=True, yields_samples=True)


def make(step, device):
    return Told(step)


class Told:
    capture_s = 0.25
    extra_bytes = 0

    def __init__(self, step):
        self.run = step

    def time_us(self, steps):
        for _ in range(steps):
            self.run()
        return 12.5 * steps
'''
TIMER = '''
"""Every call takes 7 us."""


def make(device):
    return Seven()


class Seven:
    name = "seven"
    rounds, samples_per_round, calls = 3, 2, 2
    flush_bytes, batch_limit_us = 0, float("inf")

    def prepare(self, calls, warm=2):
        return Timed(calls)


class Timed:
    def __init__(self, calls):
        self.calls = len(calls)
        self.held = calls
        self.outputs = self.replay()

    def sample_us(self, before=None):
        if before is not None:
            before()
        self.replay()
        return 7.0

    def replay(self):
        self.outputs = [call() for call in self.held]
        return self.outputs
'''
SUITE = """suite: 1
title: One engine and one timer more
model: qwen3_5_moe_tiny
dtype: float32
weights: {group: 64}
arms:
  baseline: {moe_gate_up: torch_gather, moe_down: torch_gather, int4_mm: torch_blocked, sdpa: torch_sdpa}
kernels: {ops: [router]}
timer: {kind: seven, rounds: 2}
decode: {engines: [told], context: [8], new_tokens: 4}
"""


def add_name(file: Path, before: str, name: str) -> None:
    """The one line."""
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, f'{before}"{name}", '))


@pytest.fixture(scope="module")
def harness_with_more(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the harness with two new modules and two new names."""
    folder = tmp_path_factory.mktemp("harness")
    shutil.copytree(REPOSITORY / "harness", folder / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    for shared in ("kernels", "reports"):
        (folder / shared).symlink_to(REPOSITORY / shared)
    (folder / "harness" / "engines" / "told.py").write_text(ENGINE)
    (folder / "harness" / "device" / "timers" / "seven.py").write_text(TIMER)
    add_name(folder / "harness" / "values" / "engine.py", "EngineName = Literal[", "told")
    add_name(folder / "harness" / "values" / "suite.py", "TimerName = Literal[", "seven")
    (folder / "more.yaml").write_text(SUITE)
    return folder


def test_a_run_measures_with_them(harness_with_more: Path) -> None:
    """Every sample is theirs: 7 us a call in the suite's two rounds of two, 12.5 us a step in six passes."""
    command = ["run", "more.yaml", "--only", "kernels,decode", "--json", "--store", "runs.sqlite"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "harness", *command],
        cwd=harness_with_more, env={**os.environ, "PYTHONPATH": str(harness_with_more)}, capture_output=True,
        text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cases = {case["kind"]: case for case in json.loads(done.stdout)["cases"]}
    assert [sample["value_us"] for sample in cases["kernel"]["samples"]] == [7.0] * 4
    assert [sample["value_us"] for sample in cases["decode"]["samples"]] == [12.5] * 6
    assert cases["decode"]["engine"] == "told"
    stored = Store(str(harness_with_more / "runs.sqlite")).load("1").measurements
    assert {(m.case.kind, m.timer) for m in stored} >= {("kernel", "seven"), ("decode", "told")}
