"""One call of a kernel and nothing else: run under a tool, or compiled and shown as code.

Started as `python -m harness.serving.one_call JOB [TARGET]`: under a tool a process cannot be a worker.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness import kernels_root
from harness.attempt.tools import OneCall
from harness.suite.catalogue import bind_ops


def main(file: str, target: str = "") -> None:
    """Run the call. target: `sm_90`, compile for it and run nothing."""
    os.environ.pop("TRITON_INTERPRET", None)
    call = msgspec.json.decode(Path(file).read_bytes(), type=OneCall)
    kernels_root.bind(Path(call.kernels_root))
    bind_ops(call.ops)
    if target:
        _show(call, target)
    else:
        _run(call)


def _run(call: OneCall) -> None:
    """Run the call with the inputs of a check; only the call itself is between the profiler's start and stop."""
    import torch

    from harness.device.choice import open_device
    from harness.load_kernels import load_op, load_variant
    from harness.measure.operand_sets import arguments, make_operands, prepare, torch_dtype
    from harness.measure.verify import CHECK_SALT

    case = call.case
    assert case.op is not None and case.answer is not None
    op, device = load_op(case.op, case.weights), open_device()
    variant = load_variant(case.op, case.variant, call.folder)
    raw = make_operands(op, case, torch_dtype(case.activations), device.tensors, CHECK_SALT, case.routing)
    inputs = arguments(op, prepare(variant, op, raw))
    with torch.no_grad(), device.recorded_by_tool():
        variant.run(*inputs, **variant.tunables_of(case.answer))
    print(f"one call of {case.id} on {device.kind}", file=sys.stderr)


def _show(call: OneCall, target: str) -> None:
    """Print TTGIR of each kernel that the call launches, with or without a GPU. For NVIDIA also PTX and the SASS of the
    hot loop, for AMD its assembly."""
    import triton

    from harness.load_kernels import load_variant
    from harness.static.compile_case import meta_inputs
    from harness.static.record import Recorder, StandInDriver
    from harness.static.target import parse_target
    from harness.suite.catalogue import load_spec

    triton.runtime.driver.set_active(StandInDriver(parse_target(target)))
    case = call.case
    assert case.op is not None and case.answer is not None
    variant = load_variant(case.op, case.answer.variant, call.folder)
    recorder = Recorder()
    inputs = meta_inputs(load_spec(case.op), variant, case.dims, case.activations, case.weights)
    recorder.call(variant.run, inputs, variant.tunables_of(case.answer))
    if not recorder.launches:
        print("no Triton kernel is launched; torch's own kernels cannot be shown")
    for launch in recorder.launches:
        kernel = launch.kernel
        for title, text in (("TTGIR", kernel.asm["ttgir"]), *_machine_code(kernel.asm)):
            print(f"==== {kernel.metadata.name}, grid {launch.grid}, {target}: {title}\n{text.rstrip()}\n")


def _machine_code(asm: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Titles and texts."""
    import triton

    from harness.static.amdgcn import hot_loop_lines
    from harness.static.sass import disassemble, hot_loop_text

    if "amdgcn" in asm:
        yield "amdgcn, hot loop", hot_loop_lines(asm["amdgcn"])
        return
    yield "PTX", asm["ptx"]
    sass = disassemble(asm["cubin"], triton.knobs.nvidia.nvdisasm.path)
    loop = hot_loop_text(sass)
    yield "SASS, hot loop" if loop != sass else "SASS", loop


if __name__ == "__main__":
    main(*sys.argv[1:3])
