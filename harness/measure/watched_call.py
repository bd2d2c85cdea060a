"""One call of a variant in Triton's interpreter, on operands of its check, with every access to memory watched."""

from __future__ import annotations

from harness.load_kernels import LoadedOp, LoadedVariant
from harness.measure.expected import Expected
from harness.measure.operand_sets import torch_dtype
from harness.measure.verify import check_operands
from harness.values.case import Case
from harness.values.sanitizer import AccessError


def access_errors(op: LoadedOp, variant: LoadedVariant, case: Case) -> tuple[AccessError, ...]:
    """The memory errors of the call; none for a case that the variant does not support. Triton must have been imported
    with TRITON_INTERPRET=1."""
    if variant.supports is not None and variant.supports(case):
        return ()
    raw = check_operands(op, case, torch_dtype(case.activations), "cpu", 0, 0, case.routing)
    assert raw is not None and case.answer is not None
    return Expected(op, case, raw).accesses(variant, variant.tunables_of(case.answer))
