"""Kernels of packages on PyPI as variants: the shipped examples, without a GPU; `nox -s brought` installs them."""

from __future__ import annotations

import importlib.util
import runpy
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.trials.commands import harness

BROUGHT = REPOSITORY / "examples" / "brought"
PACKAGES = {
    "fla": "flash-linear-attention fla-core einops", "liger_kernel": "liger-kernel", "helion": "helion filecheck",
}  # fmt: skip
OWN_OPS = {"fla_gla": "fla", "helion_relu2_mm": "helion"}
"""Ops of one file, in `ops/`, whose kernel is a package's."""
PLANTED = {
    "fla_gla": ("gk=g, initial_state=state", "gk=g / 2, initial_state=state"),
    "helion_relu2_mm": ("acc + bias[cols]", "acc - bias[cols]"),
}


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
    _need(package)
    found = harness(tmp_path, "try", str(BROUGHT / file), "--op", op, "--against", "none", "--dtype", "float32")
    assert said in found.text and "INVALID" not in found.text and "INCORRECT" not in found.text, found.text
    assert said == "correct" or "sm_90: " in found.text, found.text


@pytest.mark.parametrize("name", OWN_OPS)
def test_a_missing_package_is_said_with_its_remedy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is read without the package, too."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    assert "pip install" in runpy.run_path(str(BROUGHT / "ops" / f"{name}.py"))["supports"](None)


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN_OPS)
def test_a_brought_kernel_of_an_own_op(name: str, tmp_path: Path) -> None:
    """Right in Triton's interpreter, and a mistake in it is found. flash-linear-attention asks for the name of the GPU
    as it is imported: that it cannot be compiled without one is a limit, no failure."""
    _need(OWN_OPS[name])
    file = BROUGHT / "ops" / f"{name}.py"
    found = harness(tmp_path, "try", str(file))
    assert found.status == 0 and "correct     " in found.text, found.text
    assert ("sm_90: " if OWN_OPS[name] == "helion" else "not compiled here: asks for a GPU at ") in found.text
    assert "FAILED" not in found.text and "INVALID" not in found.text, found.text
    _written(tmp_path, file, *PLANTED[name])
    found = harness(tmp_path, "try", "mine.py")
    assert "INCORRECT" in found.text, found.text


@pytest.mark.slow
def test_what_the_interpreter_lacks_of_helion_is_said_with_the_kernels_line(tmp_path: Path) -> None:
    """Helion takes the exponential function from CUDA's library, which Triton's interpreter does not have."""
    _need("helion")
    text = _written(
        tmp_path, BROUGHT / "ops" / "helion_relu2_mm.py",
        "torch.relu(acc + bias[cols]).square()", "torch.nn.functional.silu(acc + bias[cols])",
    )  # fmt: skip
    line = 1 + text[: text.index("silu")].count("\n")
    found = harness(tmp_path, "try", "mine.py")
    assert f"not checked here: Triton's interpreter stopped at mine.py:{line}: " in found.text, found.text
    assert "compiles: yes · sm_90: " in found.text and "FAILED" not in found.text, found.text


def _need(package: str) -> None:
    if not find_spec(package):
        pytest.skip(f"needs pip install --no-deps {PACKAGES[package]}")


def _written(folder: Path, file: Path, old: str, new: str) -> str:
    """`mine.py` in that folder: the file with another text in one place."""
    text = file.read_text()
    assert text.count(old) == 1
    (folder / "mine.py").write_text(text.replace(old, new))
    return text.replace(old, new)
