"""The variants that multiply tiles are right, in Triton's interpreter, and compile for a GPU that is not here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tests.conftest import REPOSITORY

pytest.importorskip("triton")

from tests.kernels.interpreted_decode import MISTAKES as DECODE_MISTAKES
from tests.kernels.interpreted_tiles import MISTAKES, checks

SHARED_BYTES = 232_448
"""What one program may have on sm_90: 227 KiB."""


@cache
def _ran(module: str, arguments: tuple[str, ...], interpret: bool) -> subprocess.CompletedProcess[str]:
    """Once, also if it fails: it takes minutes, and many tests read it."""
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    environment |= {"TRITON_INTERPRET": "1"} if interpret else {}
    command = [sys.executable, "-m", f"tests.kernels.{module}", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def printed(module: str, *arguments: str, interpret: bool) -> Any:
    done = _ran(module, arguments, interpret)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@cache
def results() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = printed("interpreted_tiles", interpret=True)
    return found


@cache
def launches() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = printed("compiled_tiles", "90", interpret=False)
    return found


@pytest.mark.parametrize("name", MISTAKES | DECODE_MISTAKES)
def test_a_planted_mistake_is_in_one_place(name: str) -> None:
    """Asked at once: the runs below plant them after minutes."""
    mistake = (MISTAKES | DECODE_MISTAKES)[name]
    file = REPOSITORY / "kernels" / mistake.op / f"{mistake.variant}.py"
    assert file.read_text().count(mistake.right) == 1, mistake.right


@pytest.mark.slow
@pytest.mark.xdist_group("tiles_interpreted")
@pytest.mark.parametrize("name", checks())
def test_a_variant_agrees_with_its_reference(name: str) -> None:
    """At the op's tolerance, under every condition that the op names."""
    assert results()[name]["correct"], results()[name]


@pytest.mark.slow
@pytest.mark.xdist_group("tiles_interpreted")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_found(name: str) -> None:
    assert not results()[name]["correct"]


@pytest.mark.slow
@pytest.mark.xdist_group("tiles_compiled")
def test_no_launch_spills() -> None:
    """On sm_90, at the defaults and the 35B model's sizes, with the shared memory that there is."""
    for name, rows in launches().items():
        assert rows
        for row in rows:
            assert row["spilt"] == 0 and row["shared_bytes"] <= SHARED_BYTES, (name, row)


@pytest.mark.slow
@pytest.mark.xdist_group("tiles_compiled")
def test_no_number_of_a_launch_is_a_float() -> None:
    """torch.compile passes Python's floats on as float64: a kernel computes in it, or does not compile. As constexprs
    they are part of the text."""
    assert {name for name, rows in launches().items() if any(row["floats"] for row in rows)} == set()


@pytest.mark.slow
@pytest.mark.xdist_group("tiles_compiled")
def test_the_cache_is_split_over_a_grid_that_fills_the_gpu() -> None:
    """64 splits of 2 kv heads at batch 1; 8 of 2 x 8 at batch 8: 128 programs each."""
    one, eight = launches()["attention step"], launches()["attention step of 8"]
    assert [row["grid"] for row in one] == [[64, 2, 1], [16, 4]]
    assert [row["grid"] for row in eight] == [[8, 2, 8], [128, 4]]


@pytest.mark.slow
@pytest.mark.xdist_group("tiles_compiled")
def test_as_many_programs_start_as_there_could_be_blocks() -> None:
    """1600 pairs of 9 experts fill at most 25 + 9 blocks of 64, each with 8 or 16 blocks of 128 rows."""
    for name, blocks_of_rows in (("gate and up", 8), ("down", 16)):
        assert launches()[name][-1]["grid"] == [(1600 // 64 + 9) * blocks_of_rows]
