"""The machine code is read as nvdisasm reads it, for every architecture that is read without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from harness.static.encoded import ARCHITECTURES
from harness.static.target import LIMITS
from tests.conftest import REPOSITORY

pytest.importorskip("triton")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("static_pool")]

PROGRAM = """
import json, sys, tempfile
from pathlib import Path
import msgspec, triton
from triton.runtime.jit import _triton_jit_function_registry as kernels
from harness import kernels_root
kernels_root.bind(Path("kernels"))
from harness.static.compile_case import CaseCompiler
from harness.static.cubin import read_cubin
from harness.static.encoded import read_encoded
from harness.static.sass import disassemble, read_code
from harness.static.stages import Stages
from harness.static.target import parse_target
from tests.static.cases import case, vecmat

DENSE = {"tokens": 64, "n": 2048, "k": 2048, "group": 128}
CASES = [
    vecmat(block_n=8, block_k=64), vecmat("moe_down", block_n=64, block_k=256, num_warps=2),
    case("int4_mm", "triton_gemm", DENSE), case("rms_norm", "triton_rows", {"tokens": 4, "heads": 1, "width": 2048}),
]
rows = []
for capability in json.loads(sys.argv[2]):
    for kernel in kernels.values():
        kernel.device_caches.clear()
    compiler = CaseCompiler(parse_target(str(capability)), ".", Stages(Path(tempfile.mkdtemp(dir=sys.argv[1]))))
    for asked in CASES:
        found = compiler.compile(asked)
        row = {"target": found.binaries[0].target if found.binaries else found.reason, "case": asked.id, "kernels": []}
        for binary in found.binaries:
            file = Path(triton.knobs.cache.dir, binary.cache_key, f"{binary.kernel}.cubin")
            image = file.read_bytes()
            told = read_code(disassemble(image, triton.knobs.nvidia.nvdisasm.path))
            read = read_encoded(read_cubin(image).code, capability)
            row["kernels"].append([msgspec.to_builtins(told, str_keys=True), msgspec.to_builtins(read, str_keys=True)])
        rows.append(row)
print(json.dumps(rows))
"""


def test_loops_loads_and_spills_are_those_that_nvdisasm_prints(tmp_path: object) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    environment |= {"PYTHONPATH": os.pathsep.join([".", *sys.path[1:]]), "TRITON_CACHE_DIR": f"{tmp_path}/triton"}
    capabilities = [capability for capability in LIMITS if capability in ARCHITECTURES]
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), json.dumps(capabilities)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["target"] for row in rows} == {f"sm_{capability}" for capability in capabilities}
    codes = [(row["target"], row["case"], *kernel) for row in rows for kernel in row["kernels"]]
    assert [code for code in codes if code[2] != code[3]] == []
    told = [code[2] for code in codes]
    assert {code["loop"] for code in told} == {True, False} and any(code["spill_bytes"] for code in told)
    assert {width for code in told for width in code["global_loads"]} >= {"1", "2", "16"}
