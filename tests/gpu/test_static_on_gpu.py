"""On a GPU: what was compiled without one is what runs, and nothing is compiled a second time."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.static.pool import compile_cases
from harness.static.target import present_target
from harness.values.case import Case, Implementation
from harness.values.measurement import Status

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

ROOT = Path(__file__).resolve().parents[2] / "kernels"
DIMS = {"tokens": 1, "experts": 16, "top_k": 8, "inter": 512, "hidden": 2048, "group": 128}
TUNABLES = [{"block_n": n, "block_k": k, "num_stages": s} for n in (8, 32) for k in (32, 256) for s in (2, 4)]


def test_a_launch_on_the_gpu_finds_its_binary_in_tritons_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every compilation of the two expert products is a hit of the disk cache, and the driver reports the registers
    that were read from the binary."""
    import triton

    from harness.load_kernels import load_op, load_operands, load_variant
    from harness_kernels.moe_down.triton_vecmat import down_kernel
    from harness_kernels.moe_gate_up.triton_vecmat import gate_up_kernel

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "triton"))
    monkeypatch.setattr(triton.knobs.cache, "dir", str(tmp_path / "triton"))
    target = present_target()
    capability = torch.cuda.get_device_capability()
    assert target == f"sm_{capability[0]}{capability[1]}"
    cases = [
        Case("kernel", "test", "int4-g128/bfloat16", {}, op=op, site="experts", dims=DIMS,
             answer=Implementation("triton_vecmat", dict(tunables)))
        for op in ("moe_gate_up", "moe_down") for tunables in TUNABLES
    ]  # fmt: skip
    compiled = compile_cases(cases, target, ROOT, folder=tmp_path / "cache")
    assert {c.status for c in compiled} == {Status.OK}

    functions = (gate_up_kernel, down_kernel)
    for function in functions:
        function.device_caches.clear()  # what other tests launched
    hits: list[bool] = []
    monkeypatch.setattr(triton.knobs.compilation, "listener", lambda **said: hits.append(said["cache_hit"]))
    generator = torch.Generator("cuda").manual_seed(0)
    for found in compiled:
        assert found.case.op is not None and found.case.answer is not None
        inputs = load_operands().make(load_op(found.case.op).op, DIMS, torch.bfloat16, "cuda", generator)
        run = load_variant(found.case.op, "triton_vecmat", ROOT).run
        run(*inputs.values(), **found.case.answer.tunables)
    torch.cuda.synchronize()
    assert len(hits) == len(cases) and all(hits), f"{hits.count(False)} of {len(hits)} were compiled again"
    launched = [
        kernel for function in functions for known in function.device_caches.values() for kernel in known[0].values()
    ]
    assert {kernel.n_regs for kernel in launched} == {binary.registers for c in compiled for binary in c.binaries}
