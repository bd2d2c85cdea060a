"""The Triton variants compile for GPUs that are not here, and to what is said of them."""

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

pytestmark = [
    pytest.mark.xdist_group("triton_compiled"),
    pytest.mark.parametrize("capability", [80, 90], ids=["sm_80", "sm_90"]),
]


@cache
def compiled(capability: int) -> list[dict[str, Any]]:
    """The rows of `compiled.py`, from one process per target."""
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    environment["PYTHONPATH"] = str(REPOSITORY)
    command = [sys.executable, "-m", "tests.kernels.compiled", str(capability)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def rows(capability: int, call: str) -> list[dict[str, Any]]:
    return [row for row in compiled(capability) if row["call"] == call]


def test_every_call_compiles_without_spilling(capability: int) -> None:
    """One launch per call, at the defaults and at the published tunables, with registers to spare."""
    assert [row["kernel"] for row in compiled(capability)] == [
        *3 * ["gate_up_kernel"], *2 * ["down_kernel"], *2 * ["recurrent_kernel"],
    ]  # fmt: skip
    for row in compiled(capability):
        assert row["spilt"] == 0 and 0 < row["registers"] < 255, row


def test_a_program_has_one_pair_and_one_block_of_rows(capability: int) -> None:
    """8 pairs x 1024 rows, then x 2048 rows, in blocks of 32 and of 8; 32 heads in blocks of 16 and of 32 columns."""
    assert [row["grid"] for row in rows(capability, "gate_up")] == [[8 * 1024 // 32], [8 * 1024 // 8], [8 * 1024 // 8]]
    assert [row["grid"] for row in rows(capability, "down")] == [[8 * 2048 // 32], [8 * 2048 // 8]]
    assert [row["grid"] for row in rows(capability, "delta")] == [[8, 32], [4, 32]]


def test_vecmat_loads_a_byte_for_every_weight(capability: int) -> None:
    """The published access pattern: addresses k // 2 are not known to be consecutive, so each thread has as many loads
    of one byte as it has weights in a tile."""
    for row in rows(capability, "gate_up") + rows(capability, "down"):
        block = {"block_n": 32, "block_k": 32, "num_warps": 2} | row["tunables"]
        weights = block["block_n"] * block["block_k"] // (32 * block["num_warps"])
        assert row["loads"][".b8"] == weights, row


def test_the_number_of_stages_changes_nothing_in_vecmat(capability: int) -> None:
    """Nothing in its loop is pipelined: 2 and 4 stages are one binary, other blocks another."""
    default, two, four = (row["binary"] for row in rows(capability, "gate_up"))
    assert two == four != default


def test_the_recurrent_step_reads_its_state_in_vectors(capability: int) -> None:
    for row in rows(capability, "delta"):
        assert ".v4.b32" in row["loads"]
