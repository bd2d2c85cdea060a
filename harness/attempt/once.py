"""One call of a kernel and nothing else, for a tool that looks at it. Started as `python -m harness.attempt.once JOB`.

The inputs are those of a check; only the call itself is between the profiler's start and stop.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(file: str) -> None:
    import torch

    from harness import kernels_root
    from harness.attempt.tools import read_call

    call = read_call(file)
    kernels_root.bind(Path(call.kernels_root))
    from harness.measure.operand_sets import arguments, make_operands, prepare, torch_dtype
    from harness.measure.verify import CHECK_SALT
    from harness.resolve import load_op, load_variant

    case = call.case
    assert case.op is not None and case.answer is not None
    op, device = load_op(case.op), "cuda" if torch.cuda.is_available() else "cpu"
    variant = load_variant(case.op, case.answer.variant, call.folder)
    routing = str(case.axes.get("routing", "uniform"))
    raw = make_operands(op, case, torch_dtype(case.activations), device, CHECK_SALT, routing)
    inputs = arguments(op, prepare(variant, op, raw))
    with torch.no_grad():
        if device == "cuda":
            torch.cuda.synchronize()
            torch.cuda.cudart().cudaProfilerStart()
        variant.run(*inputs, **{**variant.tunables, **case.answer.tunables})
        if device == "cuda":
            torch.cuda.synchronize()
            torch.cuda.cudart().cudaProfilerStop()
    print(f"one call of {case.id} on {device}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
