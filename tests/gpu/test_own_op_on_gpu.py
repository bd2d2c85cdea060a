"""An op of one's own on a GPU: the shipped float8 product is checked, timed and read; its inputs are made there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("file", ["fp8_block_mm.py", "ops/ragged_paged_attention.py"])
def test_an_example_is_checked_and_timed(file: str, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "examples" / "own_op", tmp_path / "own")
    command = [sys.executable, "-m", "harness", "try", file, "--against", "none", "--json"]
    done = subprocess.run(command, cwd=tmp_path / "own", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)["measurement"]
    assert found["status"] == "OK" and found["samples"] and found["work"]["read_bytes"] > 0
