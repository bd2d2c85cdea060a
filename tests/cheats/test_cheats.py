"""No kernel that leaves its work out, or touches what judges it, has a speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.cheats.drive import cheats, declared
from tests.conftest import REPOSITORY

CHEATS = {name: declared(file) for name, file in cheats().items()}
ON_THE_CPU = [name for name, says in CHEATS.items() if not says.get("GPU")]


@cache
def driven(gpu: bool) -> dict[str, dict[str, Any]]:
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "tests.cheats.drive"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def refused(name: str, gpu: bool) -> None:
    arms = driven(gpu)[name]
    cheat = arms["cheat"]
    assert cheat["status"] in ("INCORRECT", "INVALID") and not cheat["samples"], cheat
    found = CHEATS[name].get("GPU_FOUND" if gpu else "FOUND") or CHEATS[name]["FOUND"]
    assert found in cheat["reason"], cheat
    if CHEATS[name].get("ALONE"):  # it pays where no honest kernel was checked before
        return
    honest = arms["honest"]
    if CHEATS[name].get("SPOILS"):  # nothing puts it back: no case of this process has a speed
        assert honest["status"] == "INVALID" and found in honest["reason"], honest
    else:
        assert honest["status"] == "OK" and honest["samples"], honest


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.xdist_group("cheats")
@pytest.mark.parametrize("name", ON_THE_CPU)
def test_a_cheat_is_refused_and_told_what_was_found(name: str) -> None:
    refused(name, gpu=False)


SUITE = """suite: 1
title: A clock that lies in a decode
model: qwen3_5_moe_tiny
dtype: float32
weights: {group: 64}
arms:
  baseline: {moe_gate_up: torch_gather, moe_down: torch_gather, int4_mm: ./lies.py, sdpa: torch_sdpa}
kernels: {ops: [router]}
decode: {engines: [eager], context: [8], new_tokens: 8}
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_clock_of_a_decode_is_not_the_kernels(tmp_path: Path) -> None:
    """Every pass of the decode and of the prefill is timed by the parent, too."""
    (tmp_path / "lies.py").write_text(cheats()["clock_of_the_system"].read_text())
    (tmp_path / "suite.yaml").write_text(SUITE)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-P", "-m", "harness", "run", "suite.yaml", "--only", "decode", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    found = {case["kind"]: case for case in json.loads(done.stdout)["cases"]}
    assert found.keys() == {"decode", "prefill"}
    for case in found.values():
        assert case["status"] == "INVALID" and not case["samples"], case
        assert "by the clock of the kernel's process" in case["reason"]


@pytest.mark.gpu
@pytest.mark.timeout(400)
@pytest.mark.xdist_group("cheats")
@pytest.mark.parametrize("name", [name for name, says in CHEATS.items() if not says.get("CPU")])
def test_a_cheat_is_refused_on_a_gpu(name: str) -> None:
    refused(name, gpu=True)


def test_there_are_many_cheats_of_many_families_and_each_says_why_it_pays() -> None:
    assert len(CHEATS) >= 50 and len({says["FAMILY"] for says in CHEATS.values()}) >= 20
    assert all("\n\nPays: " in says["doc"] for says in CHEATS.values())
