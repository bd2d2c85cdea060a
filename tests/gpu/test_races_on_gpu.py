"""On a GPU, compute-sanitizer names the line of a planted mistake, and the guards see what lies beside operands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.attempt.sanitize import PROGRAM, TOOLS, under
from harness.attempt.tools import missing
from harness.values.sanitizer import ToolReport
from tests.conftest import REPOSITORY
from tests.races.planted import PLANTED, declared, planted_line

pytestmark = [pytest.mark.gpu, pytest.mark.xdist_group("races"), pytest.mark.timeout(300)]
SAYS = {name: declared(file) for name, file in PLANTED.items()}
DRIVE = [sys.executable, "-m", "tests.races.drive"]
LIMIT_S = 120.0


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ToolReport]:
    """By tool, of one process that calls every planted kernel once. HARNESS_KEEP: a folder for what the tools write."""
    if why := missing(PROGRAM):
        pytest.skip(why)
    folder = Path(os.environ.get("HARNESS_KEEP") or tmp_path_factory.mktemp("sanitized"))
    with ThreadPoolExecutor(len(TOOLS)) as pool:
        found = pool.map(lambda tool: under(tool, [*DRIVE, "call"], folder / f"{tool}.xml", LIMIT_S), TOOLS)
        reports = dict(zip(TOOLS, found, strict=True))
    if "Device not supported" in (folder / "memcheck.txt").read_text():
        pytest.skip("compute-sanitizer cannot look at the GPU of this virtual machine")
    return reports


@pytest.fixture(scope="module")
def checked() -> dict[str, Any]:
    done = subprocess.run([*DRIVE, "check"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", [name for name, says in SAYS.items() if "TOOL" in says])
def test_the_line_is_named_by_a_tool(name: str, reports: dict[str, ToolReport]) -> None:
    report = reports[SAYS[name]["TOOL"]]
    assert not report.reason, report.reason
    lines = {(Path(error.file).name, line) for error in report.errors for line in (error.line, error.other_line)}
    assert (PLANTED[name].name, planted_line(PLANTED[name])) in lines, report.errors


@pytest.mark.parametrize("name", [name for name, says in SAYS.items() if "GUARD" in says])
def test_what_the_guards_see_is_incorrect_and_located_on_a_gpu(name: str, checked: dict[str, Any]) -> None:
    found = checked[name]
    assert found.get("correct") is False and SAYS[name]["GUARD"] in found["words"], found
