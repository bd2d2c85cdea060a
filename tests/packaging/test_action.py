"""The composite action for other repositories: its steps, run as a runner does, on a repository without ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.packaging.environment import Environment
from tests.trials.commands import git

pytestmark = pytest.mark.slow

ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text())


def act(step: dict[str, Any], values: dict[str, str], folder: Path, environment: dict[str, str]) -> int:
    """Runs a step with `${{ ... }}` filled in; its exit status."""
    given = {name: re.sub(r"\$\{\{ (\S+) \}\}", lambda m: values[m[1]], text) for name, text in step["env"].items()}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, cwd=folder, env=environment | given, check=False).returncode


def test_a_repository_without_ours_is_judged(wheel: Path, tmp_path: Path) -> None:
    """Installed from a source, an own op without a model is compiled on both sides: worse is 1, with a summary."""
    mine = tmp_path / "mine"
    shutil.copytree(REPOSITORY / "examples" / "own_op", mine)
    (mine / "fp8.yaml").write_text((mine / "fp8.yaml").read_text().replace("[4096, 7168]", "256"))
    git(mine, "init", "-q")
    git(mine, "add", "-A")
    git(mine, "commit", "-qm", "base")
    kernel = mine / "fp8_block_mm.py"
    kernel.write_text(kernel.read_text().replace("block_n=64, num_warps=4", "block_n=128, num_warps=1"))
    venv = Environment(tmp_path / "venv")
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    environment = os.environ | {
        "PATH": f"{venv.python.parent}{os.pathsep}{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output),
    }  # fmt: skip
    values = {f"inputs.{name}": str(given["default"]) for name, given in ACTION["inputs"].items()}
    values |= {"inputs.base": "HEAD", "inputs.pip-arguments": "--no-deps", "inputs.arguments": "--arms mine"}
    values |= {"github.action_path": str(wheel)}
    install, compare = ACTION["runs"]["steps"]
    assert act(install, values, mine, environment) == 0
    assert act(compare, values, mine, environment) == 1
    assert output.read_text() == "status=1\n" and "WORSE" in summary.read_text()
