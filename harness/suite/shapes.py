"""The calls of a suite that belong to no model: dims per op, as grids, lists or a file recorded elsewhere."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, allowed
from harness.suite.catalogue import KernelLibrary, OpSpec
from harness.suite.nodes import Node, SuiteError

CACHE_BLOCK = 64
"""The capacity of a KV cache is a multiple of this."""
FREE = {"tokens": 1, "batch": 1, "length": 1, "group": 128, "context": 1024}
"""Dims of the library's ops that a shape may leave out."""
MOST = 4096

Dims = dict[str, int]


def read_shapes(node: Node, kernels: KernelLibrary) -> dict[str, tuple[Dims, ...]]:
    """By op, every dim of each call, in the order of the file and each once. Raises SuiteError for the first error."""
    found: dict[str, tuple[Dims, ...]] = {}
    for op, given in node.items():
        if op not in kernels.ops():
            raise node.key_error(op, "there is no such op", kernels.ops())
        spec = kernels.spec(op)
        try:
            shapes = [full_dims(spec, dims) for dims in _given(given, kernels.suite_folder)]
        except SuiteError:
            raise
        except HarnessError as error:
            raise given.error(str(error)) from error
        if len(shapes) > MOST:
            raise given.error(f"{len(shapes):,} shapes; allowed: {MOST:,}")
        found[op] = tuple({tuple(shape.items()): shape for shape in shapes}.values())
    return found


def full_dims(spec: OpSpec, given: Mapping[str, int]) -> Dims:
    """Every dim of a call: the given ones, and the op's defaults for the others. Raises HarnessError for an unknown dim
    and for a missing one."""
    known = spec.dims
    if known is None:
        return dict(given)
    for name in given:
        if name not in known:
            raise HarnessError(f"{spec.name} has no dim {name}; {allowed(name, known)}")
    free = {**(FREE if spec.own is None else {}), **{name: value for name, value in known.items() if value is not None}}
    dims = {name: given.get(name, free.get(name)) for name in known}
    if "capacity" in known and spec.own is None and "capacity" not in given:
        seen = (dims.get("context") or 0) + (dims.get("length") or 1)
        dims["capacity"] = -(-seen // CACHE_BLOCK) * CACHE_BLOCK
    missing = [f"{name}=..." for name, value in dims.items() if value is None]
    if missing:
        raise HarnessError(f"{spec.name} needs {', '.join(missing)} too")
    return {name: value for name, value in dims.items() if value is not None}


def _given(node: Node, folder: Path) -> Iterator[Dims]:
    if isinstance(node.value, str):
        yield from _recorded(folder / node.value)
    elif node.is_list:
        for element in node.elements():
            yield from _grid(element)
    else:
        yield from _grid(node)


def _grid(node: Node) -> Iterator[Dims]:
    """Every combination of the sizes; the last dim varies fastest."""
    sizes = {
        name: [_size(one) for one in (child.elements() if child.is_list else [child])] for name, child in node.items()
    }
    for name, values in sizes.items():
        if not values:
            raise node.value[name].error("an empty list")
    for chosen in product(*sizes.values()):
        yield dict(zip(sizes, chosen, strict=True))


def _size(node: Node) -> int:
    if not _is_size(node.value):
        raise node.error(f"{node.shown} is not a whole number, 0 or above")
    size: int = node.value
    return size


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _recorded(file: Path) -> Iterator[Dims]:
    """The rows of a JSON list of objects, of JSON lines, or of CSV with the dims as its head."""
    try:
        rows = _rows(file)
    except (OSError, ValueError) as error:
        raise HarnessError(f"{file}: not a file of shapes (.json, .jsonl, .csv): {error}") from error
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not all(_is_size(value) for value in row.values()):
            raise HarnessError(f"{file}: shape {number}: wanted dims with whole numbers, 0 or above")
        yield row


def _rows(file: Path) -> Sequence[Any]:
    if not file.is_file():
        raise ValueError("no such file")
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".csv":
        return [{name: int(value) for name, value in row.items()} for row in csv.DictReader(io.StringIO(text))]
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    rows = json.loads(text)
    if not isinstance(rows, list):
        raise ValueError("wanted a list of objects")
    return rows
