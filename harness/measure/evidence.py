"""A wrong call on disk: inputs, output, reference, the kernel's text, and a `repro.py` that runs without this
package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness import kernels_root
from harness.load_kernels import LoadedVariant
from harness.measure.agreement import ROW_FLOOR, trailing_dims
from harness.measure.diagnosis import Wrong
from harness.measure.operand_sets import PREPARED
from harness.suite.own_op import RUN
from harness.values.attempt import Diagnosis
from harness.values.case import Case

KEPT = 8
"""Newest folders that keep their tensors; older ones keep only the text. The weights of all experts are 0.3 GB."""
TENSORS = ("inputs.pt", "output.pt", "reference.pt")

REPRO = '''"""{title}

{words}
Needs torch and what kernel.py imports, nothing else: python repro.py
"""
import importlib.util
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType

import torch

HERE = Path(__file__).resolve().parent
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported
warnings.simplefilter("ignore")
torch.use_deterministic_algorithms(True, warn_only=True)  # fills what torch.empty returns with NaN
package = ModuleType("{package}")  # where kernel.py's relative imports lead
package.__path__ = [{root!r}]
sys.modules["{package}"] = package
sys.path.append({beside!r})  # and what lay beside it
spec = importlib.util.spec_from_file_location("{package}.{op}.kernel", HERE / "kernel.py")
kernel = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = kernel
try:
    __import__("{package}.{op}")
except ImportError:  # a kernel without relative imports needs no package
    pass
spec.loader.exec_module(kernel)


def load(name):
    return torch.load(HERE / name, map_location=DEVICE, weights_only=True)


inputs, wanted = load("inputs.pt"), load("reference.pt")
if hasattr(kernel, "{prepare}"):
    inputs.update(kernel.{prepare}({{name: inputs[name] for name in {prepared!r}}}))
with torch.no_grad():
    result = kernel.{function}(*(inputs[name] for name in {inputs!r}), **{tunables!r})
outputs = () if result is None else tuple(result) if isinstance(result, (tuple, list)) else (result,)
outputs += tuple(inputs[name] for name in {states!r})
bad = False
for name, got, right, row_dims in zip({outputs!r}, outputs, wanted, {row_dims!r}):
    got, right = got.double(), right.double()
    difference = (got - right).abs().masked_fill((got == right) | (got.isnan() & right.isnan()), 0.0)
    row = (-1, right.shape[right.dim() - row_dims:].numel())
    size = right.abs().max().clamp_min(1e-300)
    least = {row_floor!r} * size
    largest = right.abs().reshape(row).amax(-1, keepdim=True).clamp_min(least).expand(difference.reshape(row).shape)
    wrong = ~(difference <= {max_error!r} * size)
    wrong |= ~(difference <= {row_slack!r} * {max_error!r} * largest.reshape(difference.shape))
    squares, right_squares = difference.square().reshape(row), right.square().reshape(row)
    rms = float((squares.mean() / right_squares.mean().clamp_min(1e-300)).sqrt().nan_to_num(float("inf")))
    rows = squares.mean(-1).sqrt() / right_squares.mean(-1).sqrt().clamp_min(least)
    bad |= bool(wrong.any()) or not rms <= {rms_error!r} or not bool((rows <= {row_slack!r} * {rms_error!r}).all())
    off = float(difference.nan_to_num(float("inf")).max() / size)
    print(
        f"{{name}}: {{int(wrong.sum())}} of {{wrong.numel()}} wrong, worst {{off:.3g}} of its size, rms {{rms:.3g}}, "
        f"the worst row's {{float(rows.max()):.3g}}"
    )
print("INCORRECT" if bad else "correct")
sys.exit(1 if bad else 0)
'''


def save(folder: Path, variant: LoadedVariant, case: Case, raw: dict[str, Any], wrong: Wrong, found: Diagnosis) -> None:
    """Write a folder of evidence, and delete the tensors of the oldest folders beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({name: _on_cpu(value) for name, value in wrong.operands.items()}, folder / "inputs.pt")
    torch.save([_on_cpu(value) for value in wrong.got], folder / "output.pt")
    torch.save([_on_cpu(value) for value in wrong.wanted], folder / "reference.pt")
    (folder / "kernel.py").write_text(variant.source_text, encoding="utf-8")
    roles = {i.name: i.role for i in wrong.op.inputs}
    text = REPRO.format(
        title=f"{case.id}: a wrong call.",
        words="\n".join(part for part in (found.region, f"Looks like: {found.words}" if found.words else "") if part),
        package=kernels_root.NAME, root=str(kernels_root.in_use()), op=case.op,
        function=variant.function, prepare=variant.function.replace(RUN, "prepare", 1), beside=str(variant.path.parent),
        prepared=[name for name, role in roles.items() if role in PREPARED],
        inputs=list(roles), states=[name for name, role in roles.items() if role == "state"],
        outputs=[output.label for output in wrong.outputs], tunables=dict(wrong.tunables),
        max_error=wrong.tolerance.max_error, rms_error=wrong.tolerance.rms_error,
        row_slack=wrong.tolerance.row_slack, row_floor=ROW_FLOOR,
        row_dims=[
            dims or trailing_dims(right.shape) for dims, right in zip(wrong.row_dims, wrong.wanted, strict=True)
        ],
    )  # fmt: skip
    (folder / "repro.py").write_text(text, encoding="utf-8")
    _thin_out(folder.parent)


def _on_cpu(value: Any) -> Any:
    return value.detach().cpu().contiguous() if isinstance(value, Tensor) else value


def _thin_out(folder: Path) -> None:
    with_tensors = sorted(found.parent for found in folder.glob("*/inputs.pt"))
    for old in with_tensors[:-KEPT]:
        for name in TENSORS:
            (old / name).unlink(missing_ok=True)
