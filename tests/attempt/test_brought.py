"""Other people's kernels as variants: right where they run here, and a way to get them where they are missing."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.attempt.attempts import Bench, Options
from harness.attempt.question import TryOptions, ask
from harness.attempt.session import Session
from harness.load_kernels import load_variant
from harness.static.pool import compile_cases
from harness.store import Store
from harness.suite.catalogue import load_spec
from harness.suite.signature import read_signature
from harness.values.measurement import Status
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.xdist_group("attempt")
BROUGHT = REPOSITORY / "examples" / "brought"
OPS = {
    "fla_gated_delta_rule": "gated_delta_rule",
    "liger_rms_norm": "rms_norm",
    "liger_swiglu": "swiglu",
    "tritonbench_gemm": "linear",
}


def test_every_file_is_a_variant_of_its_op() -> None:
    assert {path.stem for path in BROUGHT.glob("*.py")} == OPS.keys()
    for name, op in OPS.items():
        read_signature(BROUGHT / f"{name}.py", load_spec(op).op)


@pytest.mark.parametrize("name", OPS)
def test_a_missing_package_is_said_with_its_remedy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """UNSUPPORTED with a command that gets it, never a traceback."""
    variant = load_variant(OPS[name], str(BROUGHT / f"{name}.py"), REPOSITORY)
    assert variant.supports is not None
    case: Any = SimpleNamespace(answer=SimpleNamespace(tunables={}))
    monkeypatch.setitem(variant.supports.__globals__, "find_spec", lambda package: None)
    assert "pip install" in str(variant.supports(case))


@pytest.mark.skipif(find_spec("fla") is None, reason="flash-linear-attention is not installed")
def test_flash_linear_attention_is_right_in_the_interpreter(tmp_path: Path) -> None:
    """Output and state at all three small shapes."""
    with Session(REPOSITORY / "kernels") as session:
        bench = Bench(Store(str(tmp_path / "runs.sqlite")), session, Options(static=False, folder=tmp_path))
        found = bench.attempt(
            TryOptions(str(BROUGHT / "fla_gated_delta_rule.py"), op="gated_delta_rule", against="none")
        )
    assert found.measurement.status is Status.OK, found.measurement.reason


@pytest.mark.skipif(find_spec("liger_kernel") is None, reason="liger-kernel is not installed")
@pytest.mark.parametrize("name", ["liger_rms_norm", "liger_swiglu"])
def test_liger_compiles_for_a_gpu(name: str, tmp_path: Path) -> None:
    """Triton's interpreter does not take its kernels (it calls `.to` on a constant); the compiler does."""
    case = ask(TryOptions(str(BROUGHT / f"{name}.py"), op=OPS[name], model="llama3_8b")).case
    (found,) = compile_cases([case], "sm_90", REPOSITORY, jobs=1, folder=tmp_path)
    assert found.status is Status.OK, found.reason
    assert len(found.binaries) == 1 and found.binaries[0].spill_bytes == 0


@pytest.mark.skipif(find_spec("tritonbench") is None, reason="tritonbench is not installed")
def test_tritonbench_lists_its_implementations() -> None:
    """In a process of its own: it imports much."""
    program = (
        f"import sys; sys.path.insert(0, {str(BROUGHT)!r}); import tritonbench_gemm as t;"
        " assert 'triton_tutorial_matmul' in t.implementations(), t.implementations()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
