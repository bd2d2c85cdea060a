"""The JSON of flashinfer-bench and SOL-ExecBench: definitions of ops, and the workloads at which they are measured."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from harness.importers.outcome import NotImported

FLOATS = ("float32", "float16", "bfloat16")
FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
INTEGERS = ("int64", "int32", "int16", "int8")
ARITHMETIC = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Name, ast.Load, ast.Constant, ast.Add, ast.Sub, ast.Mult, ast.Div,
    ast.FloorDiv, ast.Mod, ast.Pow, ast.UAdd, ast.USub,
)  # fmt: skip


class Const(msgspec.Struct, frozen=True, tag_field="type", tag="const"):
    value: int


class Var(msgspec.Struct, frozen=True, tag_field="type", tag="var"):
    pass


class Expr(msgspec.Struct, frozen=True, tag_field="type", tag="expr"):
    expression: str


class TensorSpec(msgspec.Struct, frozen=True):
    """A tensor or a number."""

    shape: list[str] | None
    """Names of axes; None for a number."""
    dtype: str
    description: str | None = None


class Definition(msgspec.Struct, frozen=True):
    """An op."""

    name: str
    axes: dict[str, Const | Var | Expr]
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    reference: str
    """Python with a function `run`."""
    op_type: str = ""
    description: str | None = None
    constraints: list[str] | None = None
    custom_inputs_entrypoint: str | None = None
    """Another function of it, which makes inputs."""


class Source(msgspec.Struct, frozen=True):
    """The source of an input."""

    type: Literal["random", "scalar", "safetensors", "custom"]
    value: float | int | bool | None = None
    """The value of a scalar."""


class Workload(msgspec.Struct, frozen=True):
    axes: dict[str, int]
    inputs: dict[str, Source] = {}


class _Line(msgspec.Struct, frozen=True):
    """A line of a workload file: a workload, or a trace that holds one."""

    workload: Workload | None = None
    axes: dict[str, int] | None = None
    inputs: dict[str, Source] = {}


def read_definition(file: Path) -> Definition:
    """Read a definition (JSON). Raises NotImported where the file has another form."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Definition)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotImported(f"no definition: {error}") from error
    _check(found)
    return found


def read_workloads(file: Path, name: str) -> list[Workload]:
    """The workloads of a definition, from the file at the location that both kinds of repository use; none where there
    is no such file. Raises NotImported for a line of another form."""
    found: list[Workload] = []
    for path in _workload_files(file, name):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line, type=_Line)
            except msgspec.MsgspecError as error:
                raise NotImported(f"{path.name}:{number}: no workload: {error}") from error
            if row.workload is not None:
                found.append(row.workload)
            elif row.axes is not None:
                found.append(Workload(row.axes, row.inputs))
        break
    return found


def _workload_files(file: Path, name: str) -> Sequence[Path]:
    beside = [file.with_name("workload.jsonl"), file.with_name("workloads.jsonl"), file.with_suffix(".jsonl")]
    above = [parent for parent in file.parents if parent.name == "definitions"]
    if above:
        inside = file.parent.relative_to(above[0])
        beside.append(above[0].parent / "workloads" / inside / f"{name}.jsonl")
    return [path for path in beside if path.is_file()]


def _check(found: Definition) -> None:
    """Check names that become names of Python, and expressions that are arithmetic: apart from its reference, the JSON
    puts nothing else into an op file as code."""
    for name in (*found.axes, *found.inputs, *found.outputs):
        if not name.isidentifier():
            raise NotImported(f"{name!r} is no name of Python")
    for name, spec in {**found.inputs, **found.outputs}.items():
        unknown = [axis for axis in spec.shape or () if axis not in found.axes and not axis.isdigit()]
        if unknown:
            raise NotImported(f"{name}: there is no axis {unknown[0]}")
    for name, axis in found.axes.items():
        if isinstance(axis, Expr) and not is_arithmetic(axis.expression, found.axes):
            raise NotImported(f"axis {name}: {axis.expression!r} is no arithmetic of axes")


def is_arithmetic(text: str, names: Sequence[str] | dict[str, Const | Var | Expr]) -> bool:
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    nodes = list(ast.walk(tree))
    return all(isinstance(node, ARITHMETIC) for node in nodes) and all(
        node.id in names for node in nodes if isinstance(node, ast.Name)
    )
