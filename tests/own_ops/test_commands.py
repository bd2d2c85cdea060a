"""An own op from an empty folder through the public commands, in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands
from tests.own_ops.ops import SOFTMAX, SUITE, write_softmax


def harness(folder: Path, *arguments: str, status: int = 0) -> str:
    """What a command prints; its exit status must be `status`."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = commands.harness(folder, *arguments, environment=environment | {"COLUMNS": "200"})
    assert done.status == status, f"exit {done.status}:\n{done.out}{done.err}"
    return done.out


def test_the_first_correct_and_timed_own_op(tmp_path: Path) -> None:
    """Eleven lines and one command: checked on the sizes that `inputs` has as defaults, and timed."""
    assert len([line for line in SOFTMAX.splitlines() if line.strip()]) <= 15
    (tmp_path / "scaled.py").write_text(SOFTMAX)
    said = json.loads(harness(tmp_path, "try", "scaled.py", "--json"))
    assert said["measurement"]["status"] == "OK" and said["measurement"]["samples"]
    assert said["measurement"]["work"] == {"read_bytes": 1600, "write_bytes": 1600, "flop": 0}


WRONG = [
    ("x.float() / temperature", "x.float() * temperature", 5, "INCORRECT"),
    (".to(x.dtype)", "", 5, "y has dtype torch.float32, wanted torch.bfloat16"),
    ("x.float() / temperature", "x.flaot() / temperature", 5, "AttributeError"),
    ("torch.randn(rows, n)", "torch.randn(rows, n), 1, 2", 5, "inputs returns 3 values, its reference"),
    ("def run(x, temperature)", "def run(y, temperature)", 2, "takes (y, temperature), the op's inputs are"),
    ("def run(x", "def ran(x", 2, "defines scaled without a kernel; add a function `run` or `run_NAME`"),
]
"""What stands there, what is written instead, the exit status and what is said of it."""


def planted(right: str, wrong: str) -> str:
    assert SOFTMAX.count(right) == 1
    return SOFTMAX.replace(right, wrong)


@pytest.mark.parametrize(("right", "wrong", "status", "said"), [WRONG[0], *WRONG[4:]])
def test_what_is_wrong_is_a_status(tmp_path: Path, right: str, wrong: str, status: int, said: str) -> None:
    """5 for what was tried, 2 for what cannot be: a file that fits nothing is an error of usage."""
    (tmp_path / "scaled.py").write_text(planted(right, wrong))
    done = subprocess.run(
        [sys.executable, "-m", "harness", "try", "scaled.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == status and said in done.stdout + done.stderr, done.stdout + done.stderr


def test_what_is_wrong_is_said_of_every_save(tmp_path: Path) -> None:
    """A wrong kernel is INCORRECT, one that raises FAILED; a save that is misspelt is said, and the next one tried."""
    file = tmp_path / "scaled.py"
    file.write_text(SOFTMAX)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "try", "scaled.py", "--watch"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        try:
            assert "correct" in answer(process)
            for right, wrong, _, said in WRONG[1:]:
                file.write_text(planted(right, wrong))
                assert said in answer(process)
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait()
    assert status == 0


def answer(process: subprocess.Popen[str]) -> str:
    """What is printed until it waits for the next save."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        if line.startswith("---"):
            break
        lines.append(line)
    return "".join(lines)


@pytest.mark.slow
def test_a_suite_of_shapes_is_run_shown_and_reported(tmp_path: Path) -> None:
    """list, check, run, show, report and history work without a model, and a sweep tunes what is swept."""
    own = SOFTMAX.replace(
        "def run(x, temperature):", "SPACE = {'parts': [1, 2]}\n\n\ndef run(x, temperature, *, parts=1):"
    )
    write_softmax(tmp_path, SUITE.replace("{mine: {}}", "{mine: {}, best: {scaled: {run: tuned}}}")
                  + "sweep: {scaled: {run: space}}\n")  # fmt: skip
    (tmp_path / "scaled.py").write_text(own)
    assert "rows 8, n 100" in harness(tmp_path, "list", "own.yaml")
    assert harness(tmp_path, "check", "own.yaml", "--arms", "mine").count("OK") == 2
    harness(tmp_path, "sweep", "own.yaml", "--rounds", "3", "--allow-failure", "--untrusted")
    assert list((tmp_path / "tuned").glob("*.json")), "beside the op's file"
    assert "2 of 2 cases correct" in harness(tmp_path, "run", "own.yaml", "--arms", "mine", "--rounds", "4")
    document = json.loads(harness(tmp_path, "show", "last", "--json"))
    assert {row["axes"]["rows"] for row in document["cases"]} == {1, 8}
    harness(tmp_path, "report", "last", "--out", "page")
    assert "scaled" in (tmp_path / "page" / "report.md").read_text()
    harness(tmp_path, "history", "scaled@shape/bfloat16/n=100,rows=8/mine")
