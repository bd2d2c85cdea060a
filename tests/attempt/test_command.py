"""`harness try`, `show try:...` and `note`, as they are typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attempt.test_session import RIGHT
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.xdist_group("attempt")
SHAPE = ("--shape", "n=64,k=128,group=32", "--dtype", "float32")


def harness(folder: Path, *words: str, status: int = 0) -> str:
    environment = {
        **os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1",
        "HARNESS_STORE": str(folder / "runs.sqlite"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == status, f"{words}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_the_day_of_a_kernel_author(tmp_path: Path) -> None:
    """Tried, made wrong, brought back: the texts, the difference, note and tag, and the JSON of all of it."""
    mine = tmp_path / "mine.py"
    mine.write_text(RIGHT)
    said = harness(tmp_path, "try", "mine.py", "--op", "int4_mm", *SHAPE, "--tag", "fast")
    assert "correct" in said and "±" in said and "95 %" in said and "GB/s" in said
    assert "against default (torch_int4pack)" in said
    mine.write_text(RIGHT.replace("low, high), -1", "high, low), -1"))
    said = harness(tmp_path, "try", "mine.py", *SHAPE, "--against", "none", status=5)
    assert "INCORRECT" in said and "high and low nibble are exchanged" in said
    assert "repro.py" in said
    assert (tmp_path / ".harness" / "try" / "0002" / "repro.py").is_file()
    assert harness(tmp_path, "show", "try:fast", "--source") == RIGHT
    difference = harness(tmp_path, "show", "try:1", "--diff")
    assert (
        "-    values = torch.stack((low, high)" in difference and "+    values = torch.stack((high, low)" in difference
    )
    assert harness(tmp_path, "show", "try:1", "--diff", "try:2").splitlines()[3:] == difference.splitlines()[3:]
    harness(tmp_path, "note", "try:2", "-m", "nibbles", "--tag", "wrong")
    listed = harness(tmp_path, "show", "try")
    assert "try:2" in listed and '"nibbles"' in listed and "INCORRECT" in listed
    found = json.loads(harness(tmp_path, "show", "try:wrong", "--json"))
    assert (found["schema"], found["try"], found["status"]) == (1, 2, "INCORRECT")
    assert found["diagnosis"]["pattern"] == "nibble order"
    rows = json.loads(harness(tmp_path, "show", "try", "--json"))["attempts"]
    assert [row["status"] for row in rows] == ["OK", "INCORRECT"] and rows[0]["us"] > 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("try", "nowhere.py"), "nowhere.py: no such file"),
        (("try", "torch_blocked", "--op", "int4_mm", "--against", "mian", *SHAPE), "--against mian: no arm, variant"),
        (("show", "try:7"), "no attempt try:7"),
        (("note", "try:last", "-m", "x"), "no attempt try:last"),
    ],
)
def test_a_misspelling_is_one_line_and_status_2(words: tuple[str, ...], line: str, tmp_path: Path) -> None:
    assert line in harness(tmp_path, *words, status=2)


def test_against_a_revision(tmp_path: Path) -> None:
    """The file of another revision is timed beside the file as it is."""

    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    mine = tmp_path / "mine.py"
    mine.write_text(RIGHT)
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-qm", "first")
    mine.write_text(RIGHT + "# slower, I fear\n")
    said = harness(tmp_path, "try", "mine.py", *SHAPE, "--against", "main")
    assert "against mine.py of main (" in said
    assert "than mine.py of main" in said
