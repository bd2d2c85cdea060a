"""Random inputs of a definition: random numbers, and integers by its constraints."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from harness.importers.definition import FLOAT8, FLOATS, INTEGERS, Const, Definition, TensorSpec, Var, Workload
from harness.importers.outcome import NotImported

LAST = re.compile(r"^(\w+) == (\w+)\[-1\](?:\.item\(\))?$")
"""`total_q == qo_indptr[-1].item()`"""
SUM = re.compile(r"^(\w+) == (\w+) \+ (\d+)$")
"""`len_indptr == batch_size + 1`"""
PAGES, PAGE = ("num_pages", "max_num_pages"), "page_size"
EPS, SCALES = 1e-6, ("sm_scale", "softmax_scale", "scale")


class Numbers(NamedTuple):
    """Values of the inputs that are plain numbers, and the names of those without a source: those are guesses."""

    values: dict[str, object]
    guessed: tuple[str, ...]


def numbers(definition: Definition, workloads: Sequence[Workload]) -> Numbers:
    values: dict[str, object] = {}
    guessed = []
    for name, spec in definition.inputs.items():
        if spec.shape is not None:
            continue
        said = [w.inputs[name].value for w in workloads if name in w.inputs and w.inputs[name].type == "scalar"]
        values[name] = said[0] if said else _guess(definition, name, spec)
        if not said:
            guessed.append(name)
    return Numbers(values, tuple(guessed))


def _guess(definition: Definition, name: str, spec: TensorSpec) -> object:
    """The value that most callers pass: eps 1e-6, a softmax scale of one over the root of the head's size, else one or
    zero."""
    if spec.dtype in INTEGERS:
        return 0
    if "eps" in name:
        return EPS
    if name in SCALES:
        sizes = [a.value for a in (definition.axes.get(n) for n in ("head_dim", "head_size", "head_dim_qk"))
                 if isinstance(a, Const)]  # fmt: skip
        return 1 / math.sqrt(sizes[0]) if sizes else 0.1
    return 1.0


def derived_axes(definition: Definition) -> dict[str, str]:
    """Axes that follow from others by a constraint: `len_indptr` -> `batch_size + 1`."""
    found = {}
    for text in definition.constraints or ():
        match = SUM.match(text.strip())
        if match and isinstance(definition.axes.get(match[1]), Var) and match[2] in definition.axes:
            found[match[1]] = f"{match[2]} + {match[3]}"
    return found


def expression(definition: Definition, name: str, spec: TensorSpec, main: str) -> str:
    """Python that makes an input. main: the dtype that the suite's stands for. Raises NotImported where nothing
    determines the integers."""
    shape = ", ".join(spec.shape or ())
    shape = f"({shape},)" if len(spec.shape or ()) == 1 else f"({shape})"
    if spec.dtype == main:
        return f"torch.randn({shape})"
    if spec.dtype in FLOATS:
        return f"torch.randn({shape}, dtype=torch.{spec.dtype})"
    if spec.dtype in FLOAT8:
        return f"torch.randn({shape}, dtype=torch.float32).to(torch.{spec.dtype})"
    if spec.dtype == "bool":
        return f"torch.rand({shape}) < 0.5"
    if spec.dtype not in INTEGERS:
        raise NotImported(f"{name}: {spec.dtype} cannot be drawn")
    return f"{_integers(definition, name, spec)}.to(torch.{spec.dtype})"


def _integers(definition: Definition, name: str, spec: TensorSpec) -> str:
    axes, shape = definition.axes, spec.shape or []
    inside = ", ".join(shape) + ("," if len(shape) == 1 else "")
    totals = _totals(definition)
    pages = next((axis for axis in PAGES if axis in axes), None)
    if name in totals and len(shape) == 1:
        last = f"({shape[0]} - 1)"
        return f"(torch.arange({shape[0]}) * {totals[name]} // {last})"
    if name == "kv_indptr" and "num_kv_indices" in axes and len(shape) == 1:
        return f"(torch.arange({shape[0]}) * num_kv_indices // ({shape[0]} - 1))"
    if name.endswith("last_page_len") and PAGE in axes:
        return f"torch.randint(1, {PAGE} + 1, ({inside}))"
    if name.endswith(("kv_indices", "block_table", "block_tables", "page_table")) and pages:
        return f"torch.randint({pages}, ({inside}))"
    if name == "topk_ids" and "num_experts" in axes and len(shape) == 2:
        return f"torch.rand({shape[0]}, num_experts).topk({shape[1]}, -1).indices"
    if name == "sparse_indices" and pages:
        return f"torch.randint({pages}{f' * {PAGE}' if PAGE in axes else ''}, ({inside}))"
    if name.endswith("state_indices") or name == "state_batch_indices":
        pool = next((axis for axis in ("pool_size", "state_cache_size", "num_states") if axis in axes), shape[0])
        return f"torch.randperm({pool})[:{shape[0]}]"
    if name in ("positions", "pos_ids") and "max_seq_len" in axes:
        return f"torch.randint(max_seq_len, ({inside}))"
    raise NotImported(f"nothing says which integers {name} has, and no workload's data can be drawn")


def _totals(definition: Definition) -> Mapping[str, str]:
    """The axis that is the last offset of a list of offsets, by the list's name."""
    matches = [LAST.match(text.strip()) for text in definition.constraints or ()]
    return {match[2]: match[1] for match in matches if match and match[1] in definition.axes}
