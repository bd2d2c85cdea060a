"""Definitions of flashinfer-bench and SOL-ExecBench: JSON with axes, tensors and a reference in Python.

The op file holds the reference unchanged, under the name `definition`. Axes that a workload gives become dims;
constants become dims, too, where the reference accepts other values.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.importers.definition import FLOATS, Const, Definition, Expr, Var, Workload, read_definition, read_workloads
from harness.importers.drawn_inputs import derived_axes, expression, numbers
from harness.importers.op_text import file_of, function, literal_dict, wrapped
from harness.importers.outcome import Imported, NotImported, op_name
from harness.importers.python_source import function_in, parameters, statements

RUN, DEFINITION = "run", "definition"
OURS = frozenset({"reference", "inputs", DEFINITION, "ROLES", "SHAPES", "OUTPUTS", "OUTPUT_DTYPES"})
USUAL, USUAL_BATCH = 64, 8
"""Sizes of an axis without a workload."""
MOST_SHAPES = 64


@dataclass(frozen=True)
class DefinedProblem:
    """A problem with a definition."""

    file: Path
    definition: Definition
    """As read."""
    workloads: tuple[Workload, ...]
    name: str
    code: str
    """Its reference with `run` renamed."""
    parameters: tuple[str, ...]
    main: str
    """The dtype that the suite's stands for."""
    dims: dict[str, int]
    """Sizes of axes."""
    free: tuple[str, ...]
    """Dims that a workload gives."""
    values: dict[str, object]
    notes: tuple[str, ...]
    """Guesses."""


def read_problem(file: Path) -> DefinedProblem:
    """The problem in a definition's file. Raises NotImported where there is none. Runs nothing."""
    definition = read_definition(file)
    workloads = read_workloads(file, definition.name)
    code, names = _code(definition)
    if sorted(names) != sorted(definition.inputs):
        raise NotImported(f"its run takes {', '.join(names)}, its inputs are {', '.join(definition.inputs)}")
    scalars = [name for name, spec in definition.outputs.items() if spec.shape is None]
    if scalars:
        raise NotImported(f"returns a number ({scalars[0]}) where an op returns tensors")
    floats = [s.dtype for s in (*definition.outputs.values(), *definition.inputs.values()) if s.dtype in FLOATS]
    derived = derived_axes(definition)
    free = tuple(n for n, axis in definition.axes.items() if isinstance(axis, Var) and n not in derived)
    given = workloads[0].axes if workloads else {}
    dims = {}
    for name, axis in definition.axes.items():
        if isinstance(axis, Const):
            dims[name] = axis.value
        elif name in free:
            dims[name] = given.get(name, USUAL_BATCH if "batch" in name else USUAL)
    found = numbers(definition, workloads)
    notes = [f"no workload says {name}: {found.values[name]!r} is a guess" for name in found.guessed]
    if not workloads:
        notes.append("no workloads: its sizes are guesses")
    name = op_name(definition.name)
    return DefinedProblem(
        file, definition, tuple(workloads), name, code, names, floats[0] if floats else "float32", dims, free,
        found.values, tuple(notes),
    )  # fmt: skip


def _code(definition: Definition) -> tuple[str, tuple[str, ...]]:
    """The reference's text with its `run` renamed, and the names of its arguments."""
    parts = statements(definition.reference)
    run = function_in([one.node for one in parts], RUN)
    if run is None:
        raise NotImported(f"its reference has no function {RUN}")
    taken = OURS & {name for one in parts for name in one.defines}
    if taken:
        raise NotImported(f"defines {', '.join(sorted(taken))}, which an op file needs for itself")
    if any(RUN in one.uses for one in parts):
        raise NotImported(f"its {RUN} calls itself")
    lines = definition.reference.strip("\n").splitlines()
    line = ast.parse("\n".join(lines))
    node = function_in(line.body, RUN)
    assert node is not None
    lines[node.lineno - 1] = lines[node.lineno - 1].replace(f"def {RUN}", f"def {DEFINITION}", 1)
    text = "\n".join(text.rstrip() for text in lines)
    return (text if "import torch" in text else f"import torch\n\n\n{text}"), parameters(run)


def write_op(
    problem: DefinedProblem,
    varying: Collection[str],
    small: Sequence[Mapping[str, int]] = (),
    states: Sequence[str] = (),
) -> Imported:
    """varying: the axes that are dims; all others stay constants. small: sizes for a CPU. states: inputs that the
    reference changes."""
    definition = problem.definition
    dims = {name: value for name, value in problem.dims.items() if name in varying}
    shown = definition.description or definition.name
    docstring = (
        f"{shown.strip().splitlines()[0]}\n\nAfter the definition {definition.name}; `{DEFINITION}` is as it was."
    )
    roles = [f"ROLES = {literal_dict(dict.fromkeys(states, 'state'))}".replace("'", '"')] if states else []
    parts = [problem.code, "\n".join([*roles, *_settings(problem, dims, small)]), _inputs(problem, dims)]
    constants = [f"{name}={value!r}" for name, value in problem.values.items()]
    tensors = [name for name in problem.parameters if name not in problem.values]
    body = [f"return {DEFINITION}({', '.join(problem.parameters)})"]
    outputs = ", ".join(f"{name} {_shown(spec.shape, spec.dtype)}" for name, spec in definition.outputs.items())
    inputs = ", ".join(f"{n} {_shown(definition.inputs[n].shape, definition.inputs[n].dtype)}" for n in tensors)
    parts.append(function("reference", [*tensors, *constants], f"{inputs} -> {outputs}.", body))
    said = "The definition as it is, in PyTorch: the baseline of a kernel."
    parts.append(function("run", [*tensors, *constants], said, body))
    shapes = _shapes(problem, dims)
    return Imported(
        problem.name, str(problem.file), file_of(docstring, parts), shapes, problem.main, {"torch": "run"},
        notes=problem.notes,
    )  # fmt: skip


def _shown(shape: Sequence[str] | None, dtype: str) -> str:
    return f"[{', '.join(shape or ())}] {dtype}"


def _settings(problem: DefinedProblem, dims: Mapping[str, int], small: Sequence[Mapping[str, int]]) -> list[str]:
    definition = problem.definition
    lines = [f"{name} = {value}" for name, value in problem.dims.items() if name not in dims]
    if len(definition.outputs) > 1:
        lines.append(f"OUTPUTS = ({', '.join(f'{name!r}' for name in definition.outputs)})".replace("'", '"'))
    names = [*definition.outputs] if len(definition.outputs) > 1 else ["y"]
    others = {
        name: spec.dtype for name, spec in zip(names, definition.outputs.values(), strict=True)
        if spec.dtype != problem.main and spec.dtype.startswith(("float", "bfloat"))
    }  # fmt: skip
    if others:
        if len(definition.outputs) == 1:
            lines.append('OUTPUTS = ("y",)')
        lines.append(f"OUTPUT_DTYPES = {literal_dict(others)}".replace("'", '"'))
    if small and small[0]:
        inside = ", ".join(literal_dict({n: v for n, v in one.items() if n in dims}) for one in small)
        lines.append(wrapped("SHAPES = [", inside, "]"))
    if len(definition.outputs) == 1 and not others:
        lines.append('OUTPUTS = ("y",)')
    return lines


def _inputs(problem: DefinedProblem, dims: Mapping[str, int]) -> str:
    """The function that draws the inputs, in the order of their axes."""
    definition, derived = problem.definition, derived_axes(problem.definition)
    lines = [f"    {name} = {text}" for name, text in derived.items()]
    lines += [f"    {name} = {axis.expression}" for name, axis in definition.axes.items() if isinstance(axis, Expr)]
    custom = definition.custom_inputs_entrypoint
    drawn = []
    for name, spec in definition.inputs.items():
        if spec.shape is None:
            continue
        by_hand = any(w.inputs[name].type == "custom" for w in problem.workloads if name in w.inputs)
        if not custom or not by_hand:
            drawn.append(f'        "{name}": {expression(definition, name, spec, problem.main)},')
    head = [f"{name}={value}" for name, value in dims.items()]
    if custom:
        if not custom.isidentifier():
            raise NotImported(f"custom_inputs_entrypoint {custom!r} is no name of Python")
        head += ["*", "device"]
        sizes = ", ".join(f'"{name}": {name}' for name in definition.axes)
        lines += ["    made = {", *drawn, "    }"] if drawn else ["    made = {}"]
        lines += [wrapped(f"return made | {custom}({{", sizes, "}, torch.device(device))", indent=4)]
    else:
        lines += ["    return {", *drawn, "    }"]
    start = (
        f'{wrapped("def inputs(", ", ".join(head), "):")}\n    """Random numbers in every tensor of the definition."""'
    )
    return "\n".join([start, *lines])


def _shapes(problem: DefinedProblem, dims: Mapping[str, int]) -> tuple[dict[str, int], ...]:
    """The shapes of the workloads, each once."""
    given = [{n: w.axes.get(n, value) for n, value in dims.items()} for w in problem.workloads] or [dict(dims)]
    return tuple({tuple(one.items()): one for one in given}.values())[:MOST_SHAPES]
