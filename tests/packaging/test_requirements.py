"""`pyproject.toml` gives ranges, `constraints.txt` one point inside each; nox and CI say what the README says."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from sessions.tag import version_of

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = {
    name: version
    for name, _, version in (line.partition("==") for line in (ROOT / "constraints.txt").read_text().splitlines())
    if version
}
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    Requirement(line) for line in [*PROJECT["dependencies"], *EXTRAS["test"], *EXTRAS["dev"], *EXTRAS["release"]]
]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.name)
def test_each_requirement_is_pinned_inside_its_range(requirement: Requirement) -> None:
    """CI tests one version of everything, and it is one that the project says it works with."""
    assert requirement.specifier.contains(PINS[requirement.name])


def test_torch_and_triton_belong_together() -> None:
    """The pinned Triton is the one that the pinned torch was released with, and both ranges stay wide."""
    assert (PINS["torch"], PINS["triton"]) == ("2.13.0", "3.7.1")
    wide = {r.name: r.specifier for r in REQUIREMENTS}
    assert wide["torch"].contains("2.10.0")
    assert wide["triton"].contains("3.6.0")


def test_the_readme_begins_with_what_is_true() -> None:
    """Its line of facts: lower ends of the ranges, licence and version."""
    lowest = {r.name: min(s.version for s in r.specifier if s.operator == ">=") for r in REQUIREMENTS if r.specifier}
    python = PROJECT["requires-python"].removeprefix(">=")
    said = f"[Python {python}+ · torch {lowest['torch']}+ · Triton {lowest['triton']}+](pyproject.toml)"
    line = f"{said} · [{PROJECT['license']}](LICENSE) · [{version_of()}](CHANGELOG.md)"
    assert line in (ROOT / "README.md").read_text().splitlines()


def test_ci_runs_the_command_of_the_readme() -> None:
    """`nox` alone runs the sessions that CI runs; nox knows every session that either names."""
    ci = (ROOT / ".ci" / "run").read_text()
    readme = (ROOT / "README.md").read_text()
    assert "pip install nox && nox -s demo" in readme and "nox -s tests" in readme and "`nox` alone" in readme
    command = [sys.executable, "-m", "nox", "--list"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    sessions = set(re.findall(r"^[-*] (\w+)", listed, re.MULTILINE))
    assert {"demo", "report", "compare", "gpu", "release", "lowest"} <= sessions
    run = [name for line in re.findall(r"nox -s ([\w ]+)$", ci, re.MULTILINE) for name in line.split()]
    by_default = re.findall(r"^\* (\w+)", listed, re.MULTILINE)
    assert run[:2] == ["browser", "postgres"]
    assert set(run[2:]) == set(by_default) == {"tests", "slow", "executorch", "samples", "lint", "types", "docs"}
