"""A mistake that is planted in a kernel is INCORRECT, and its pattern and place are named; its repro shows it alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.attempt.attempts import Bench, Options
from harness.attempt.question import TryOptions
from harness.attempt.session import Session
from harness.store import Store
from harness.values.measurement import Status
from tests.attempt.planted import MISTAKES, write
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.xdist_group("attempt")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("planted")
    with Session(REPOSITORY / "kernels") as session:
        yield Bench(Store(str(folder / "runs.sqlite")), session, Options(static=False, folder=folder / "try"))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_named(name: str, bench: Bench, tmp_path: Path) -> None:
    """In the interpreter here; the process stays the same from one mistake to the next."""
    mistake = MISTAKES[name]
    attempt = bench.attempt(TryOptions(str(write(name, tmp_path)), op=mistake.op, against="none"))
    assert attempt.measurement.status is Status.INCORRECT
    assert not attempt.measurement.samples
    found = attempt.diagnosis
    assert found is not None
    assert found.pattern == mistake.pattern, found
    assert mistake.words in f"{found.words} {found.region}", found
    assert bench.session.started == 1


def test_the_repro_runs_alone(bench: Bench, tmp_path: Path) -> None:
    """Without the harness on its path, it calls the kernel on the saved inputs and is wrong as the attempt was."""
    attempt = bench.attempt(TryOptions(str(write("an unwritten tail", tmp_path)), op="moe_gate_up", against="none"))
    folder = Path(attempt.evidence)
    assert {file.name for file in folder.iterdir()} >= {"inputs.pt", "output.pt", "reference.pt", "kernel.py"}
    done = subprocess.run(
        [sys.executable, "-P", "repro.py"], cwd=folder, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "INCORRECT" in done.stdout and "8 of 128 wrong" in done.stdout
