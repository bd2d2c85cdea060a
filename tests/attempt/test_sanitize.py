"""`try --sanitize`: a row for every tool, with or without a GPU, and the lines of what the interpreter finds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.attempt.sanitize import TOOLS, found_nothing
from harness.device.nvml import has_gpu
from harness.values.sanitizer import AccessError, ToolReport
from tests.attempt.test_command import harness
from tests.attempt.test_session import RIGHT
from tests.races.planted import PLANTED, planted_line

pytest.importorskip("triton")
SHAPE = ("--op", "linear", "--shape", "tokens=1,n=16,k=64", "--dtype", "float32")


@pytest.fixture
def planted(tmp_path: Path) -> str:
    """A race that no comparison of values sees."""
    return shutil.copy(PLANTED["scratch_between_programs"], tmp_path / "mine.py").name


def test_a_race_is_named_by_its_line_and_each_tool_has_a_row(planted: str, tmp_path: Path) -> None:
    said = harness(tmp_path, "try", planted, *SHAPE, "--sanitize", status=5)
    line = planted_line(PLANTED["scratch_between_programs"])
    assert f"mine.py:{line}" in said and f"race with line {line - 3}" in said and "product_kernel" in said
    assert all(tool in said for tool in TOOLS)


@pytest.mark.slow
@pytest.mark.skipif(has_gpu(), reason="is timed on a GPU, not interpreted")
def test_an_attempt_that_is_right_is_warned_of_its_race(planted: str, tmp_path: Path) -> None:
    said = harness(tmp_path, "try", planted, *SHAPE, "--against", "none")
    assert "correct" in said
    assert f"WARNING     mine.py:{planted_line(PLANTED['scratch_between_programs'])}: race with line" in said


@pytest.mark.skipif(has_gpu(), reason="is timed on a GPU, not interpreted")
def test_an_attempt_that_writes_beside_its_output_names_the_line(tmp_path: Path) -> None:
    shutil.copy(PLANTED["past_the_row"], tmp_path / "mine.py")
    words = ("--op", "residual_add", "--shape", "tokens=3,hidden=37", "--dtype", "float32", "--against", "none")
    said = harness(tmp_path, "try", "mine.py", *words, status=5)
    line = planted_line(PLANTED["past_the_row"])
    assert f"INCORRECT   writes outside of z: 91 elements after its end (+1 to +91), by mine.py:{line}" in said


def test_the_same_as_json(planted: str, tmp_path: Path) -> None:
    found = json.loads(harness(tmp_path, "try", planted, *SHAPE, "--sanitize", "--json", status=5).splitlines()[-1])
    assert found["exit_status"] == 5 and [report["tool"] for report in found["tools"]] == [*TOOLS, "interpreter"]
    if not has_gpu():
        reasons = [report["reason"] for report in found["tools"][:-1]]
        assert all("on the PATH" in reason or "needs an NVIDIA GPU" in reason for reason in reasons)
    (error,) = found["tools"][-1]["errors"]
    assert error["line"] == error["other_line"] + 3 == planted_line(PLANTED["scratch_between_programs"])
    assert error["file"] == str(tmp_path / "mine.py") and error["count"] == 64


def test_a_file_without_triton_cannot_be_interpreted(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(RIGHT)
    words = ("--op", "int4_mm", "--shape", "n=64,k=128,group=32", "--dtype", "float32")
    said = harness(tmp_path, "try", "plain.py", *words, "--sanitize", status=0 if has_gpu() else 5)
    assert "names no Triton" in said


def test_nothing_is_found_where_a_tool_ran_and_saw_no_error() -> None:
    absent, ran = ToolReport("memcheck", reason="missing"), ToolReport("interpreter")
    assert found_nothing([absent, ran]) and not found_nothing([absent])
    assert not found_nothing([ran, ToolReport("memcheck", (AccessError("memcheck", "a write", "k"),))])
