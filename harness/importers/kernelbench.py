"""Problems of KernelBench's form: a file with a module `Model`, `get_inputs` and `get_init_inputs`.

The classes stay as written. Numbers at the file's top level that are sizes become the op's dims, parameters and buffers
become inputs of its reference, and the arguments of `Model` its constants.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.importers.outcome import NotImported, op_name
from harness.importers.python_source import (
    Statement,
    closure,
    function_in,
    indented,
    parameters,
    read_text,
    statements,
    whole_number,
)

MODEL, INPUTS, ARGUMENTS = "Model", "get_inputs", "get_init_inputs"
OURS = frozenset(
    {
        "reference",
        "inputs",
        "run",
        "problem",
        "model",
        "weights",
        "ROLES",
        "SHAPES",
        "TENSORS",
        "FLAT",
        "WRITTEN",
        "cache",
    }
)
SETTINGS = ("kernel", "stride", "pad", "dilation", "group", "layer", "head", "patch", "window", "dim_index")
"""Parts of names of numbers that choose the computation, not its size."""
LEAST_SIZE = 16
"""A number that only `Model` is given counts as a size from here on."""


@dataclass(frozen=True)
class ModuleProblem:
    """A problem with a module."""

    file: Path
    name: str
    summary: str
    dims: dict[str, int]
    """Name and value of each size."""
    core: str
    """The text of the op file without parts that are known only after a run."""
    forward: tuple[str, ...]
    """The names of the inputs of `Model`."""
    arguments: tuple[str, ...]
    """The names of the arguments of `Model`."""


def read_problem(file: Path) -> ModuleProblem:
    """The problem in a file. Raises NotImported where there is none. Runs nothing."""
    parts = statements(read_text(file))
    classes = {one.node.name: one.node for one in parts if isinstance(one.node, ast.ClassDef)}
    functions = {one.node.name for one in parts if isinstance(one.node, ast.FunctionDef)}
    if MODEL not in classes:
        raise NotImported(f"has no class {MODEL}")
    if INPUTS not in functions:
        raise NotImported(f"has no function {INPUTS}")
    taken = OURS & {name for one in parts for name in one.defines}
    if taken:
        raise NotImported(f"defines {', '.join(sorted(taken))}, which an op file needs for itself")
    getters = [one for one in parts if one.defines <= {INPUTS, ARGUMENTS} and one.is_definition]
    definitions = [one for one in parts if one.is_definition and one not in getters]
    fixed = closure({name for one in definitions for name in one.uses}, parts)
    local = [one for one in parts if not one.is_import and not one.is_definition and not one.defines & fixed]
    dims, statements_left = _sizes(local, getters)
    forward = function_in(classes[MODEL].body, "forward")
    if forward is None:
        raise NotImported(f"{MODEL} has no method forward")
    made_by = function_in(classes[MODEL].body, "__init__")
    names = parameters(made_by, method=True, strict=False) if made_by is not None else ()
    head = [one.text for one in parts if one.is_import or one.defines & fixed or one in definitions]
    core = "\n\n\n".join([_head(head), _problem(dims, statements_left, getters)])
    summary = (ast.get_docstring(classes[MODEL]) or f"{file.stem}.").strip().splitlines()[0]
    return ModuleProblem(file, op_name(file), summary, dims, core, parameters(forward, method=True), names)


def _head(texts: Sequence[str]) -> str:
    """The top level of the op file: imports and constants line by line, functions and classes apart."""
    text, last_was_block = "", False
    for one in texts:
        block = "\n" in one
        text += ("\n\n\n" if text and (block or last_was_block) else "\n" if text else "") + one
        last_was_block = block
    return text


def _sizes(local: Sequence[Statement], getters: Sequence[Statement]) -> tuple[dict[str, int], list[str]]:
    """The sizes among the constants, and the text of the remaining statements."""
    shaping = closure({n for one in getters if INPUTS in one.defines for n in one.uses}, local)
    known = closure({n for one in getters for n in one.uses}, local)
    assigned = [name for one in local for name in one.defines]
    dims: dict[str, int] = {}
    left: list[str] = []
    for one in local:
        if not one.defines & known:
            continue
        pairs = _pairs(one.node)
        if pairs is None:
            text, found = _sizes_in_tuple(one, shaping)
            dims |= found
            left.append(text)
            continue
        for name, value in pairs:
            number = whole_number(value)
            if number is not None and assigned.count(name) == 1 and _is_size(name, number, shaping):
                dims[name] = number
            else:
                left.append(f"{name} = {ast.unparse(value)}")
    return dims, left


def _pairs(node: ast.stmt) -> list[tuple[str, ast.expr]] | None:
    """Name and value of each constant that an assignment makes; None for one that cannot be taken apart."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        return [(node.target.id, node.value)]
    if not isinstance(node, ast.Assign):
        return None
    pairs: list[tuple[str, ast.expr]] = []
    for target in node.targets:
        if isinstance(target, ast.Name) and not isinstance(node.value, ast.Tuple | ast.List):
            pairs.append((target.id, node.value))
        elif (
            isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
            and len(target.elts) == len(node.value.elts) and all(isinstance(e, ast.Name) for e in target.elts)
        ):  # fmt: skip
            names = [element.id for element in target.elts if isinstance(element, ast.Name)]
            pairs += zip(names, node.value.elts, strict=True)
        else:
            return None
    return pairs


def _sizes_in_tuple(one: Statement, shaping: Collection[str]) -> tuple[str, dict[str, int]]:
    """`shape = (32768,)` with its number as a dim, where inputs are made of it: `shape = (shape_0,)`."""
    node = one.node
    if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple | ast.List) and len(node.targets) == 1):
        return one.text, {}
    target, numbers = node.targets[0], [whole_number(element) for element in node.value.elts]
    if not isinstance(target, ast.Name) or None in numbers:
        return one.text, {}
    dims = {f"{target.id}_{place}": number for place, number in enumerate(numbers) if number is not None}
    if target.id not in shaping and any(number < LEAST_SIZE for number in dims.values()):
        return one.text, {}
    inside = ", ".join(dims)
    return f"{target.id} = " + (f"({inside},)" if isinstance(node.value, ast.Tuple) else f"[{inside}]"), dims


def _is_size(name: str, number: int, shaping: Collection[str]) -> bool:
    if number < 1 or any(word in name.lower() for word in SETTINGS):
        return False
    return name in shaping or number >= LEAST_SIZE


def _problem(dims: Collection[str], left: Sequence[str], getters: Sequence[Statement]) -> str:
    """The function `problem` of the op file."""
    bodies = [indented(one.text) for one in getters]
    made = f"{ARGUMENTS}()" if any(ARGUMENTS in one.defines for one in getters) else "[]"
    lines = [
        f"def problem({', '.join(dims)}):",
        f'    """The arguments of `{MODEL}` and the function that makes its inputs, at these sizes."""',
        *(indented(text) for text in left),
    ]
    return "\n".join(lines) + ("\n\n" if left else "\n") + "\n\n".join(bodies) + f"\n\n    return {made}, {INPUTS}"
