"""The scripts that make the evidence: a planted slowdown leaves results alone, the file of processes is appended to."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.store import Store
from harness.values.run import Run
from tests.compare.paired_stored import calibration, noisy_pairs, two_sides
from tests.conftest import REPOSITORY

SAMPLES = REPOSITORY / "reports" / "samples"
KERNEL = REPOSITORY / "kernels" / "moe_gate_up" / "triton_vecmat.py"
SAME_RESULT = """
import importlib.util, sys, torch
outputs = []
for file in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("kernel", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["kernel"] = module
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    x, ids = torch.randn(1, 128), torch.tensor([[2, 0]])
    weight, scale = torch.randint(0, 255, (3, 48, 64), dtype=torch.uint8), torch.rand(3, 48, 4)
    outputs.append(module.run(x, ids, weight, scale, 32, block_n=16, block_k=32))
assert torch.isfinite(outputs[0]).all() and torch.equal(*outputs)
"""


@pytest.mark.parametrize("percent", [2, 30])
def test_a_planted_slowdown_does_more_and_computes_the_same(percent: int, tmp_path: Path) -> None:
    """In the interpreter; a share of a block, and more than one."""
    planted = tmp_path / KERNEL.name
    planted.write_text(KERNEL.read_text())
    subprocess.run([sys.executable, str(SAMPLES / "plant.py"), str(planted), str(percent)], check=True)
    assert planted.read_text() != KERNEL.read_text()
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SAME_RESULT, str(KERNEL), str(planted)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def identical(run: Run, comparison: str) -> Run:
    """The run as one whose cases were the same code on both sides, each process started at a time of its own."""
    assert run.pairing is not None
    cases = tuple(m.case.id for m in run.measurements)
    pairing = msgspec.structs.replace(run.pairing, identical=cases, comparison=comparison)
    slots = tuple(
        msgspec.structs.replace(slot, started=f"{comparison} {slot.process:03} {run.pairing.side}")
        for slot in run.slots
    )
    return msgspec.structs.replace(run, pairing=pairing, slots=slots)


def noise(store: Path, file: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(SAMPLES / "noise.py"), str(store), str(file)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_file_of_processes_is_appended_to_and_says_what_noise_is(tmp_path: Path) -> None:
    """Once for each process and case, however often it is made; another store's rows come after."""
    rng = random.Random(1)
    for name in ("one", "two"):
        store = Store(str(tmp_path / f"{name}.sqlite"))
        for number in range(2):
            for run in calibration(rng, number):
                assert run.pairing is not None
                store.add_run(identical(run, f"{name} {number}"), f"{name} {number} {run.id}")
    file = tmp_path / "processes.csv"
    first = noise(tmp_path / "one.sqlite", file)
    assert noise(tmp_path / "one.sqlite", file) == first and "16 processes" in first
    assert len(file.read_text().splitlines()) == 1 + 2 * 2 * 2 * 4
    both = noise(tmp_path / "two.sqlite", file)
    assert "32 processes" in both and "one mode" in both and "correlation" in both
    assert len(file.read_text().splitlines()) == 1 + 2 * 2 * 2 * 2 * 4


def test_identical_code_that_was_compared_says_how_far_apart_its_cases_lie(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "runs.sqlite"))
    rng = random.Random(2)
    for number in range(4):
        sides = two_sides({site: noisy_pairs(rng, 10, pairs=12) for site in "abcde"}, comparison=str(number))
        for side in sides:
            store.add_run(identical(side.run, str(number)), f"{number} {side.run.id}")
    found = noise(tmp_path / "runs.sqlite", tmp_path / "processes.csv")
    assert "identical code, 4 comparisons, 20 cases: RMS" in found
    assert 0.5 < float(found.split()[-1]) < 1.5
