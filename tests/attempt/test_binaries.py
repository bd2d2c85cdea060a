"""What the worker reads of its own launches is what the static stage compiles."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.attempt.question import TryOptions, ask
from harness.static.pool import compile_cases
from harness.values.binary import Binary
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.xdist_group("attempt")
PROGRAM = """
import json, sys
from pathlib import Path
import msgspec, triton
from harness import kernels_root
kernels_root.bind(Path("kernels"))
from harness.attempt.question import TryOptions, ask
from harness.measure.gpu_binaries import GpuBinaries
from harness.load_kernels import load_op, load_variant
from harness.static.compile_case import meta_inputs
from harness.static.record import StandInDriver
from harness.static.target import parse_target
from harness.suite.catalogue import load_spec
triton.runtime.driver.set_active(StandInDriver(parse_target("sm_90")))
case = ask(TryOptions("triton_vecmat", op="moe_down")).case
variant = load_variant("moe_down", "triton_vecmat", ".")
inputs = meta_inputs(load_spec("moe_down"), variant, case.dims, case.activations)
found = GpuBinaries("sm_90").of_call(load_op("moe_down"), variant, case, inputs)
assert not isinstance(found, str), found
print(msgspec.json.encode(found.binaries).decode())
"""


def test_both_readings_agree(tmp_path: Path) -> None:
    """The stand-in names the target here, a GPU's driver there; all else is the same way."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read = msgspec.convert(json.loads(done.stdout), tuple[Binary, ...])
    (compiled,) = compile_cases(
        [ask(TryOptions("triton_vecmat", op="moe_down")).case], "sm_90", REPOSITORY, jobs=1, folder=tmp_path
    )
    assert [(b.sha256, b.registers, b.load_bytes) for b in read] == [
        (b.sha256, b.registers, b.load_bytes) for b in compiled.binaries
    ]
