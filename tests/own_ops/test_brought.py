"""Kernels of packages on PyPI as variants: the shipped examples, without a GPU; `nox -s brought` installs them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.trials.commands import harness

BROUGHT = REPOSITORY / "examples" / "brought"
PACKAGES = {"fla": "flash-linear-attention fla-core einops", "liger_kernel": "liger-kernel"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "op", "package", "said"),
    [
        ("fla_gated_delta_rule.py", "gated_delta_rule", "fla", "correct"),
        ("liger_rms_norm.py", "rms_norm", "liger_kernel", "not checked here: Triton's interpreter stopped at"),
        ("liger_swiglu.py", "swiglu", "liger_kernel", "not checked here: Triton's interpreter stopped at"),
    ],
)
def test_a_brought_kernel(file: str, op: str, package: str, said: str, tmp_path: Path) -> None:
    """What the interpreter can run is right; what it cannot is said with the package's own line, and compiles."""
    if not find_spec(package):
        pytest.skip(f"needs pip install --no-deps {PACKAGES[package]}")
    found = harness(tmp_path, "try", str(BROUGHT / file), "--op", op, "--against", "none", "--dtype", "float32")
    assert said in found.text and "INVALID" not in found.text and "INCORRECT" not in found.text, found.text
    assert said == "correct" or "sm_90: " in found.text, found.text
