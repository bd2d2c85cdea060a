"""Calls of a kernel in Triton's interpreter at small shapes, with every access watched for memory errors.

Started as `python -m harness.serving.watched_call JOB REPORT`: Triton is interpreted where the variable is set before
its import, which another process may have made already.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from harness import kernels_root
from harness.attempt.tools import OneCall
from harness.suite.catalogue import bind_ops
from harness.values.sanitizer import AccessError, ToolReport


def main(job: str, report: str) -> None:
    """Write REPORT, a `ToolReport` as JSON; its reason is the kernel's exception."""
    os.environ["TRITON_INTERPRET"], os.environ["CUDA_VISIBLE_DEVICES"] = "1", ""
    call = msgspec.json.decode(Path(job).read_bytes(), type=OneCall)
    kernels_root.bind(Path(call.kernels_root))
    bind_ops(call.ops)
    Path(report).write_bytes(msgspec.json.encode(_watched(call)))


def _watched(call: OneCall) -> ToolReport:
    from harness.load_kernels import load_op, load_variant
    from harness.measure.failure import what_was_raised
    from harness.measure.watched_call import access_errors

    op = load_op(str(call.case.op), call.case.weights)
    shapes = [call.case.dims] if call.explicit else [dict(dims) for dims in op.test_shapes]
    found: dict[tuple[str, str, int, int], AccessError] = {}
    for dims in shapes:
        try:
            variant = load_variant(op.name, call.case.variant, call.folder)
            errors = access_errors(op, variant, msgspec.structs.replace(call.case, dims=dims))
        except Exception as error:
            return ToolReport("interpreter", tuple(found.values()), what_was_raised(error)[1])
        for seen in errors:
            found.setdefault((seen.kind, seen.file, seen.line, seen.other_line), seen)
    return ToolReport("interpreter", tuple(found.values()))


if __name__ == "__main__":
    main(*sys.argv[1:3])
