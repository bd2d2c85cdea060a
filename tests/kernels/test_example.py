"""The example outside the package is right: a variant beside its suite, with a `prepare` and a tunable."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.load_kernels import load_op, load_variant
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import DTYPES, case_of, check

EXAMPLES = REPOSITORY / "examples"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("block_n", [1, 7, 128])
def test_the_example_agrees_with_the_reference(dtype: str, block_n: int) -> None:
    variant = load_variant("int4_mm", "./my_int4_mm.py", EXAMPLES)
    for dims in load_op("int4_mm").test_shapes:
        case = case_of("int4_mm", "./my_int4_mm.py", dims, dtype, {"block_n": block_n})
        assert check(load_op("int4_mm"), variant, case, 0).correct, dims


def test_the_suite_of_the_example_is_valid() -> None:
    command = [sys.executable, "-m", "harness", "check", "--static", "my_suite.yaml"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=EXAMPLES, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
