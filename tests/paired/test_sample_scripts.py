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


@pytest.mark.slow
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


def script(name: str, *arguments: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(SAMPLES / name), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def noise(store: Path, file: Path) -> str:
    return script("noise.py", file, store)


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
    assert script("noise.py", file) == both, "the file alone says the same"
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
    rms = float(found.partition("/ SE ")[2].partition(",")[0])
    assert 0.75 < rms / float(found.split()[-1]) < 1.25


def planted(rng: random.Random, label: str, change: float) -> tuple[Run, Run]:
    """Both runs of a comparison whose head does more in case a, and b is the same code."""
    sides = two_sides(
        {"a": noisy_pairs(rng, 10, change=change), "b": noisy_pairs(rng, 10)}, comparison=label, identical=["b"]
    )
    found = []
    for side in sides:
        run = identical(side.run, label)
        assert run.pairing is not None
        tree = msgspec.structs.replace(run.pairing.tree, commit=f"commit of {run.pairing.side}")
        same = tuple(m.case.id for m in run.measurements if "@b/" in m.case.id)
        pairing = msgspec.structs.replace(run.pairing, tree=tree, identical=same)
        found.append(msgspec.structs.replace(run, pairing=pairing, note=f"tree: {label}"))
    return found[0], found[1]


def test_what_a_head_changed_is_not_noise_and_its_base_is(tmp_path: Path) -> None:
    """The case that is slower counts with base's processes where base's commit is known as identical code, else not at
    all; a slowdown of 30 % would be seen in the standard deviation."""
    rng, store = random.Random(3), Store(str(tmp_path / "runs.sqlite"))
    for run in planted(rng, "planted-30", 0.3):
        store.add_run(run, f"planted {run.id}")
    alone = noise(tmp_path / "runs.sqlite", tmp_path / "processes.csv")
    assert "@a/" not in alone and alone.count("16 processes") == 1
    for run in calibration(rng, 0):
        run = identical(run, "calibration")
        assert run.pairing is not None
        tree = msgspec.structs.replace(run.pairing.tree, commit="commit of base")
        store.add_run(msgspec.structs.replace(run, pairing=msgspec.structs.replace(run.pairing, tree=tree)), run.id)
    both = noise(tmp_path / "runs.sqlite", tmp_path / "processes.csv")
    line = next(line for line in both.splitlines() if "@a/" in line)
    assert "16 processes" in line, "8 of the calibration, and 8 of base"
    assert float(line.partition("SD ")[2].split()[0]) < 1


def test_notes_say_what_the_files_say(tmp_path: Path) -> None:
    """Verdicts from the exported runs, processes from the table, seconds from the list of commands."""
    rng, store = random.Random(4), Store(str(tmp_path / "runs.sqlite"))
    for run in planted(rng, "planted-5", 0.05):
        store.add_run(run, f"planted {run.id}")
    folder = tmp_path / "sample"
    folder.mkdir()
    script("noise.py", folder / "processes.csv", tmp_path / "runs.sqlite", folder)
    (folder / "commands.csv").write_text("name,status,seconds\nplanted-5,1,60\nfour,0,20\naa-1,0,50\n")
    (folder / "planted-5.progress.txt").write_text("pair 4: 2.0 s\n4 pairs: 1 of 2 cases decided, 15 s\n")
    notes = script("compare_notes.py", folder)
    slower = next(line for line in notes.splitlines() if "SLOWER" in line)
    assert slower.startswith("| planted-5 | int4_mm@a/") and "| 4 |" in slower, "it was decided at the first look"
    assert notes.index("@a/int4") < notes.index("| planted-5 | int4_mm@b/"), "the largest change comes first"
    assert "planted-5: 60 s, 8 pairs, exit status 1" in notes and "2.5 times as long" in notes
    assert "planted-5 at 4 pairs: 1 of 2 cases decided, 15 s" in notes
    (folder / "processes.csv").unlink()
    assert "8 pairs, exit status" not in script("compare_notes.py", folder)
