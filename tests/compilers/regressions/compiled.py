"""One kernel to its facts, by the Triton that this process imports: `python -m tests.compilers.regressions.compiled`
NUMBER... writes a line of JSON each.

The recording: for each version a folder that its wheel was unpacked to (`pip install --target`), before everything
else in PYTHONPATH. Triton 3.4 links for AMD with `ld.lld` (TRITON_HIP_LLD_PATH)."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace
from typing import Any

import msgspec

from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.launch import Launch
from harness.values.measurement import Status
from tests.compilers.regressions.cases import REPORTED, Reported


class Recorded(msgspec.Struct, frozen=True):
    """What one version made of a report's kernel."""

    name: str
    triton: str
    compiled: Compiled


def compile_one(reported: Reported) -> Compiled:
    """Compiles it, in this process. FAILED where the compiler raises."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from harness.static.target import does_not_fit, parse_target
    from tests.compilers.regressions import kernels

    kernel = getattr(kernels, reported.kernel)
    types = dict(zip(kernel.arg_names, reported.types.split(), strict=False))
    target = parse_target(reported.target)
    case = Case("kernel", "r", "bfloat16", {}, op=reported.kernel, site="r", dims=reported.sizes)
    amd = reported.target.startswith("gfx")
    place = GPUTarget("hip", reported.target, 64) if amd else GPUTarget("cuda", int(reported.target[3:]), 32)
    whole = [i for i, name in enumerate(kernel.arg_names) if types.get(name, "fp32") != "fp32"]
    source = ASTSource(
        fn=kernel, signature={name: types.get(name, "constexpr") for name in kernel.arg_names},
        constexprs=dict(reported.sizes),
        attrs={(i,): [["tt.divisibility", 16]] for i in whole},
    )  # fmt: skip
    begun = time.process_time()
    try:
        made = triton.compile(source, target=place, options=dict(reported.options))
    except Exception as error:
        return Compiled(case, Status.FAILED, f"{type(error).__name__}: {str(error)[:200]}")
    binary = _binary(target, made)
    found = Compiled(
        case, Status.OK, launches=(Launch(binary.sha256, binary.kernel, (1, 1, 1), (1, 1, 1), binary.shared_bytes),),
        binaries=(binary,), cpu_s=time.process_time() - begun,
    )  # fmt: skip
    misfit = does_not_fit(binary)
    return msgspec.structs.replace(found, status=Status.UNSUPPORTED, reason=misfit) if misfit else found


def _binary(target: Any, made: Any) -> Any:
    from harness.static.amd_binaries import AmdBinaries
    from harness.static.nvidia_binaries import NvidiaBinaries

    reader = AmdBinaries(target) if target.backend == "hip" else NvidiaBinaries(target)
    group = getattr(made, "metadata_group", {"none.json": "none/none.json"})  # Triton 3.4 has none
    kernel = SimpleNamespace(asm=made.asm, metadata=made.metadata, metadata_group=group)
    return reader.read(SimpleNamespace(kernel=kernel, grid=(1, 1, 1)), None)  # type: ignore[arg-type]


if __name__ == "__main__":
    import triton

    for number in map(int, sys.argv[1:]):
        one = REPORTED[number]
        print(msgspec.json.encode(Recorded(one.name, triton.__version__, compile_one(one))).decode(), flush=True)
