"""The engine torch_compile takes a decode step as one graph: one variant that breaks it fails its whole arm."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

BREAKING = {
    "moe_gate_up/torch_per_expert": "data-dependent",
    "moe_down/torch_per_expert": "data-dependent",
    "moe_gate_up/torch_grouped": "non-contiguous",
    "moe_down/torch_grouped": "non-contiguous",
}
"""Variants for the prefill, which is eager: the host has to know how many tokens each expert has."""


@pytest.fixture(scope="module")
def problems() -> dict[str, str | None]:
    return printed("tests.kernels.traced")


def printed(module: str) -> dict[str, str | None]:
    """What a script of ours prints: problems by name."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module],
        cwd=REPOSITORY,
        env={name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
        | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


def test_every_variant_for_the_decode_is_a_full_graph(problems: dict[str, str | None]) -> None:
    """Triton kernels with their grids and states updated in place too."""
    assert len(problems) > 30
    assert {name: problem for name, problem in problems.items() if problem and name not in BREAKING} == {}


def test_what_is_none_is_found(problems: dict[str, str | None]) -> None:
    """The check can fail, and says why."""
    for name, reason in BREAKING.items():
        assert reason in (problems[name] or "")


def test_a_kernel_can_be_copied() -> None:
    """torch.compile compiles the text of a kernel, of what it calls and of their constants elsewhere: a name that only
    a default value uses is not among them."""
    found = printed("tests.kernels.copied")
    assert len(found) > 40 and {name: problem for name, problem in found.items() if problem} == {}
