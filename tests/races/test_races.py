"""Races and stray writes that were planted are found, at the line where they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.races.drive import OWN
from tests.races.planted import PLANTED, declared, planted_line

pytest.importorskip("triton")
SAYS = {name: declared(file) for name, file in PLANTED.items()}
INTERPRETED = [name for name, says in SAYS.items() if not says.get("GPU_ONLY")]


@cache
def driven() -> dict[str, Any]:
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "TRITON_INTERPRET": "1",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", "tests.races.drive"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.xdist_group("races")
@pytest.mark.parametrize("name", INTERPRETED)
def test_the_line_is_named_without_a_gpu(name: str) -> None:
    at = [error for error in driven()[name]["errors"] if error["line"] == planted_line(PLANTED[name])]
    assert SAYS[name]["KIND"] in [error["kind"] for error in at], driven()[name]
    assert all(error["file"] == str(PLANTED[name]) and error["count"] for error in at)


@pytest.mark.xdist_group("races")
@pytest.mark.parametrize("name", [name for name in INTERPRETED if "GUARD" in SAYS[name]])
def test_what_the_guards_see_is_incorrect_and_located(name: str) -> None:
    found = driven()[name]
    assert not found["correct"] and SAYS[name]["GUARD"] in found["words"], found


@pytest.mark.xdist_group("races")
def test_one_mistake_is_not_taken_for_others() -> None:
    """Each kernel has its mistake alone; past the row lies the next one, which is a race as well."""
    for name in INTERPRETED:
        kinds = {error["kind"] for error in driven()[name]["errors"]}
        assert kinds == {SAYS[name]["KIND"], *({"race"} if name == "past_the_row" else ())}, (name, kinds)


@pytest.mark.xdist_group("races")
@pytest.mark.parametrize("name", [f"{op}/{variant}" for op, variant in OWN])
def test_kernels_that_do_nothing_wrong_are_left_in_peace(name: str) -> None:
    assert driven()[name]["errors"] == []


def test_there_are_more_than_twelve_and_each_has_one_line() -> None:
    assert len(PLANTED) >= 15
    for file in PLANTED.values():
        assert file.read_text().count("# here") + file.read_text().count("// here") == 1, file
