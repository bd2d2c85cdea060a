"""What is read from a compiled kernel agrees with NVIDIA's own tool, and sharing an end changes no binary."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

pytest.importorskip("triton")
pytestmark = pytest.mark.xdist_group("static_pool")

PROGRAM = """
import json, re, subprocess, sys, tempfile
from pathlib import Path
import torch
import triton
from harness import kernels_root
kernels_root.bind(Path("kernels"))
from harness.static.compile_case import CaseCompiler
from harness.static.cubin import read_cubin
from harness.static.stages import Stages
from harness.static.target import parse_target
from tests.static.cases import vecmat

folder, capability = Path(sys.argv[1]), int(sys.argv[2])
rows = []
for name in ("alone", "shared"):
    triton.knobs.cache.dir = str(folder / name)
    ends = folder / f"{name} ends"
    for stages in (2, 3):
        if name == "alone" or stages == 2:
            own = ends / str(stages)
            own.mkdir(parents=True)
            compiler = CaseCompiler(parse_target(str(capability)), ".", Stages(own))
        found = compiler.compile(vecmat(block_n=32, block_k=64, num_stages=stages))
        binary = found.binaries[0]
        file = folder / name / binary.cache_key / "gate_up_kernel.cubin"
        usage = subprocess.run(
            [triton.knobs.nvidia.cuobjdump.path, "-res-usage", file], capture_output=True, text=True, check=True
        ).stdout
        said = {key: int(value) for key, value in re.findall(r"(REG|STACK):(\\d+)", usage)}
        moved = file.read_bytes().replace(b"triton_vecmat.py", b"triton_VECMAT.py")
        rows.append({
            "name": name, "stages": stages, "shared": found.shared, "sha256": binary.sha256,
            "registers": [binary.registers, said["REG"]], "stack": [binary.stack_bytes, said["STACK"]],
            "bytes": file.read_bytes().hex() if stages == 3 else "", "moved": read_cubin(moved).sha256,
            "differs": moved != file.read_bytes(), "metadata": json.loads(file.with_suffix(".json").read_text()),
        })
        from harness_kernels.moe_gate_up.triton_vecmat import gate_up_kernel
        gate_up_kernel.device_caches.clear()
from harness.load_kernels import load_variant
from harness.static.compile_case import meta_inputs
from harness.static.identity import cache_folder
from harness.static.record import Recorder
from harness.suite.catalogue import load_spec
variant = load_variant("moe_gate_up", "triton_vecmat", ".")
few = {**found.case.dims, "experts": 9}
real = [
    torch.empty(i.shape, dtype=i.dtype) if isinstance(i, torch.Tensor) else i
    for i in meta_inputs(load_spec("moe_gate_up"), variant, few, "bfloat16")
]
recorder = Recorder()
recorder.call(variant.run, real, {**variant.tunables, **found.case.answer.tunables})
rows[-1]["on real tensors"] = cache_folder(recorder.launches[0].kernel)
rows[-1]["on meta tensors"] = binary.cache_key
print(json.dumps(rows))
"""


@pytest.fixture(scope="module", params=[80, 90], ids=["sm_80", "sm_90"])
def rows(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    folder = tmp_path_factory.mktemp("binaries")
    command = [sys.executable, "-c", PROGRAM, str(folder), str(request.param)]
    path = os.pathsep.join([".", *sys.path[1:]])
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_registers_and_stack_are_what_cuobjdump_says(rows: list[dict[str, object]]) -> None:
    for row in rows:
        for mine, theirs in (row["registers"], row["stack"]):  # type: ignore[misc]
            assert mine == theirs


def test_an_end_that_is_taken_over_is_what_would_have_been_compiled(rows: list[dict[str, object]]) -> None:
    """Bit for bit, and so is all that Triton notes about the kernel."""
    alone, shared = (next(r for r in rows if (r["name"], r["stages"]) == (name, 3)) for name in ("alone", "shared"))
    assert (alone["shared"], shared["shared"]) == (0, 1)
    assert alone["bytes"] == shared["bytes"]
    assert alone["metadata"] == shared["metadata"]


def test_paths_are_not_in_the_hash_of_a_binary(rows: list[dict[str, object]]) -> None:
    assert all(row["differs"] and row["moved"] == row["sha256"] for row in rows)
    assert len({row["sha256"] for row in rows}) == 1


def test_real_tensors_are_found_under_the_key_of_meta_tensors(rows: list[dict[str, object]]) -> None:
    """What was compiled without memory primes Triton's cache for a launch that has some."""
    assert rows[-1]["on real tensors"] == rows[-1]["on meta tensors"]
