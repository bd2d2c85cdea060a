"""The check of an op file made of an imported problem, on the CPU: like every own op, against its own reference."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from harness.errors import HarnessError
from harness.importers.messages import SPREAD, CheckOp, OpChecked, ProbeModule
from harness.importers.outcome import Checked, NotImported
from harness.load_kernels import LoadedOp, load_op, load_variant
from harness.measure.expected import as_tuple
from harness.measure.failure import first_line
from harness.measure.operand_sets import torch_dtype
from harness.measure.verify import verify_variant
from harness.serving.imported_module import Problem, agree, called
from harness.suite.catalogue import bind_ops
from harness.suite.op_sources import source_of
from harness.values.case import SHAPE_SITE, Case, Implementation


def check(job: CheckOp) -> OpChecked:
    try:
        bind_ops({job.name: source_of(Path(job.file), job.file)})
        op = load_op(job.name)
        if job.module is not None:
            _refuse_another_answer(job.module, op, [one for one in job.shapes if not one.get(SPREAD)])
        return OpChecked(checked=tuple(_checks(job, op)))
    except (HarnessError, NotImported) as error:
        return OpChecked(refused=str(error))
    except Exception as error:  # whatever somebody's reference or inputs raise
        return OpChecked(refused=f"its reference fails: {type(error).__name__}: {first_line(error)}")


def _refuse_another_answer(module: ProbeModule, op: LoadedOp, shapes: Sequence[dict[str, int]]) -> None:
    """Raises NotImported where the op's reference and the module disagree for the same random numbers, and thus for the
    same inputs and parameters."""
    problem = Problem(module)
    assert op.inputs is not None
    for dims in shapes:
        torch.manual_seed(3)
        sizes = {name: value for name, value in dims.items() if name != SPREAD}
        inputs = problem.inputs(sizes)
        wanted = called(problem.module(sizes), inputs)
        torch.manual_seed(3)
        dtype = {"dtype": torch.float32} if "dtype" in inspect.signature(op.inputs).parameters else {}
        with torch.no_grad():
            got = as_tuple(op.reference(*op.inputs(**dims, **dtype)))
        if not agree(wanted, got):
            raise NotImported(f"its reference does not answer as the module does, at {dims}")


def _checks(job: CheckOp, op: LoadedOp) -> Iterator[Checked]:
    for dtype in job.dtypes:
        for dims in job.shapes:
            for name in job.variants:
                yield Checked(name, dims, dtype, _wrong(op, name, dims, dtype, Path(job.file).parent))


def _wrong(op: LoadedOp, name: str, dims: dict[str, int], dtype: str, folder: Path) -> str:
    """The reason why a variant is wrong, in one line; empty where it is right."""
    answer = Implementation(name, {})
    case = Case(
        kind="kernel", arm=name, dtype=dtype, axes=dict(dims), op=op.name, site=SHAPE_SITE, dims=dims, answer=answer
    )  # fmt: skip
    try:
        variant = load_variant(op.name, name, folder)
        found = verify_variant(op, variant, case, torch_dtype(dtype), "cpu", 0, stress_s=0.0)
    except Exception as error:  # whatever somebody's code raises in a dtype that it was not written for
        return f"{type(error).__name__}: {first_line(error)}"
    if found.correct:
        return ""
    sizes = f"max {found.max_error:.2g} (allowed {found.allowed_max_error:.2g}), rms {found.rms_error:.2g}"
    sizes += f" (allowed {found.allowed_rms_error:.2g})"
    return "; ".join(part for part in (found.region, found.detail, sizes) if part)
