"""Run as a program: compiles one call of each Triton variant for a GPU that is not there, and prints what came out.

A driver that only names the target stands where CUDA's would be, launches become warm-ups and all tensors are `meta`:
`run` goes its usual way and computes nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime.jit import JITFunction

from harness import kernels_root
from harness.load_kernels import load_variant
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import operands_of

EXPERTS = {"tokens": 1, "experts": 9, "top_k": 8, "inter": 512, "hidden": 2048, "group": 128}
DELTA = {"batch": 1, "length": 1, "k_heads": 16, "v_heads": 32, "k_dim": 128, "v_dim": 128}
CALLS: dict[str, tuple[str, str, dict[str, int], list[dict[str, int]]]] = {
    "gate_up": ("moe_gate_up", "triton_vecmat", EXPERTS, [
        {}, {"block_n": 8, "block_k": 256}, {"block_n": 8, "block_k": 256, "num_stages": 4},
    ]),
    "down": ("moe_down", "triton_vecmat", EXPERTS, [{}, {"block_n": 8, "block_k": 128}]),
    "delta": ("gated_delta_rule", "triton_recurrent", DELTA, [{}, {"block_v": 32, "num_warps": 4}]),
}  # fmt: skip
"""By name: the call of the 35B model at one token, at the defaults and at other tunables. 9 experts in place of 256."""


class Target:
    """As much of a driver as compiling asks for."""

    def __init__(self, capability: int) -> None:
        self.target = GPUTarget("cuda", capability, 32)

    def get_current_target(self) -> GPUTarget:
        return self.target

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def compile_calls(capability: int) -> list[dict[str, Any]]:
    """One row per call and tunables: the grid, the kernel's name, its registers and loads, a hash of the binary."""
    triton.runtime.driver.set_active(Target(capability))
    launches: list[tuple[Any, Any]] = []
    launch = JITFunction.run

    def warm_up(self: Any, *args: Any, grid: Any, warmup: bool, **options: Any) -> None:
        launches.append((grid, launch(self, *args, grid=grid, warmup=True, **options)))

    JITFunction.run = warm_up
    rows = []
    for name, (op, variant, dims, choices) in CALLS.items():
        operands = operands_of(op, dims, torch.bfloat16)
        inputs = [value.to("meta") if isinstance(value, torch.Tensor) else value for value in operands.values()]
        run = load_variant(op, variant, REPOSITORY).run
        for tunables in choices:
            launches.clear()
            output = run(*inputs, **tunables)
            (grid, kernel), *others = launches
            assert not others and output.device.type == "meta"
            rows.append({"call": name, "tunables": tunables, "grid": list(grid), "shape": list(output.shape)})
            rows[-1] |= described(kernel)
    return rows


def described(kernel: Any) -> dict[str, Any]:
    """spilt: bytes of stack and local memory in the binary. loads: how many global loads of each width PTX has."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as binary:
        binary.write(kernel.asm["cubin"])
        binary.flush()
        command = [triton.knobs.nvidia.cuobjdump.path, "-res-usage", binary.name]
        usage = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    resources = {name: int(value) for name, value in re.findall(r"\b(REG|STACK|LOCAL):(\d+)", usage)}
    return {
        "kernel": kernel.metadata.name,
        "registers": resources["REG"],
        "spilt": resources["STACK"] + resources["LOCAL"],
        "loads": Counter(re.findall(r"ld\.global[\w.:]*?((?:\.v\d)?\.b\d+)", kernel.asm["ptx"])),
        "binary": hashlib.sha256(kernel.asm["cubin"]).hexdigest(),
    }


if __name__ == "__main__":
    kernels_root.bind(REPOSITORY / "kernels")
    with tempfile.TemporaryDirectory() as cache:
        triton.knobs.cache.dir = cache
        print(json.dumps(compile_calls(int(sys.argv[1]))))
