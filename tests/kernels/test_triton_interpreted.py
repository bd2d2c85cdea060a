"""The Triton variants are right, in Triton's interpreter on the CPU; what is written wrongly there is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.kernels.catalogue import VARIANTS
from tests.kernels.interpreted import MISTAKES, checks
from tests.kernels.interpreted_asm import CHECKS as WITH_PTX
from tests.kernels.interpreted_decode import checks as checks_of_decode
from tests.kernels.interpreted_tiles import checks as checks_of_tiles

pytest.importorskip("triton")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("triton_interpreted")]


@cache
def results() -> dict[str, dict[str, Any]]:
    """What `interpreted.py` found, from one process."""
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "tests.kernels.interpreted"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", checks())
def test_a_triton_variant_agrees_with_its_reference(name: str) -> None:
    """At the op's tolerance, under every condition that the op names."""
    assert results()[name]["correct"], results()[name]


def test_every_triton_variant_is_checked() -> None:
    triton_variants = {(op, name) for op, name in VARIANTS if name.startswith("triton")}
    elsewhere = {
        (check.op, check.variant) for checked in (checks_of_tiles, checks_of_decode) for check in checked().values()
    }
    elsewhere |= {(op, "triton_tile") for op, *_ in WITH_PTX.values()}
    assert {(op, name) for op, name, *_ in checks().values()} | elsewhere == triton_variants


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_found(name: str) -> None:
    assert not results()[name]["correct"]


def test_a_mistake_is_found_where_it_is() -> None:
    """A tail that is not written is unwritten, a token that is ignored is wrong from the second on."""
    assert "60..63 of 64 (the tail)" in results()["an unwritten tail"]["region"]
    assert "dim 0: 3..8 of 9 (the tail)" in results()["the first token"]["region"]
