"""An op outside of the library: a reference function and example inputs, read from their syntax tree. Runs nothing.

In one file, `reference(...)` defines the op, `inputs(...)` makes its inputs, and `run(...)` and every `run_NAME(...)`
is a variant. A folder holds `reference.py` with both functions (there the definition may be called `run`) and a module
per variant; with a `spec.py` it is an op like the library's.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import HarnessError, allowed

REFERENCE, INPUTS, RUN = "reference", "inputs", "run"
WEIGHTS = "weights"
"""A parameter of `inputs` that gets the suite's storage of weights, by name; its default holds elsewhere."""
GIVEN = ("generator", "dtype", "device", WEIGHTS)
"""Parameters of `inputs` that the harness fills; all others are the op's dims."""
ALL_DIMS = "dims"
"""A parameter of `inputs` that gets every dim in a mapping."""
ROLES = ("activation", "index", "weight", "pool", "cache", "state", "constant")
SETTINGS = ("ROLES", "OUTPUTS", "OUTPUT_DTYPES", "TOLERANCE", "SHAPES", "REPLACES")
"""Literals beside the functions, all optional."""


class Function(NamedTuple):
    """A function and its file."""

    file: Path
    name: str
    source: str
    """Its name as given, `./file.py:name` or `package.module:name`."""


@dataclass(frozen=True)
class OwnOp:
    """An op as its files declare it."""

    name: str
    reference: Function
    inputs: Function
    summary: str
    parameters: tuple[str, ...]
    values: Mapping[str, Any]
    """Literal defaults of the reference's parameters, which are constants."""
    dims: Mapping[str, int | None] | None
    """Names of its dims with their defaults, None without one; None as a whole where `inputs` takes any."""
    outputs: tuple[str, ...]
    roles: Mapping[str, str] = field(default_factory=dict)
    output_dtypes: Mapping[str, str] = field(default_factory=dict)
    tolerance: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    shapes: tuple[Mapping[str, int], ...] = ()
    has_cost: bool = False
    takes_weights: bool = False
    replaces: tuple[str, ...] = ()
    """For a composite op: the ops that it replaces in a model."""


def is_op_file(file: Path) -> bool:
    """Whether a Python file defines an op: it has a `reference` and an `inputs` at its top level."""
    return {REFERENCE, INPUTS} <= set(functions_of(file, strict=False))


def functions_of(file: Path, strict: bool = True) -> dict[str, ast.FunctionDef]:
    """The functions at the top level of a file. strict: raise HarnessError where it is not Python; else return none."""
    try:
        return {node.name: node for node in _tree(file).body if isinstance(node, ast.FunctionDef)}
    except HarnessError:
        if strict:
            raise
        return {}


def variants_in(file: Path) -> dict[str, str]:
    """The variants in an op's own file: their names and functions."""
    return {name: name for name in functions_of(file, strict=False) if name == RUN or name.startswith(f"{RUN}_")}


def read_own_op(name: str, reference: Function, inputs: Function) -> OwnOp:
    """The op that two functions define. Raises HarnessError, one line with its file, for missing or wrong parts."""
    definition, maker = (_function(function) for function in (reference, inputs))
    if definition.args.vararg or definition.args.kwarg:
        raise HarnessError(f"{_place(reference, definition)}: names its inputs; *args and **kwargs hide them")
    parameters = tuple(argument.arg for argument in (*definition.args.posonlyargs, *definition.args.args))
    found = {**_settings(inputs.file), **_settings(reference.file)}
    summary = ast.get_docstring(definition) or ast.get_docstring(_tree(reference.file)) or f"{name}, an op of one's own"
    outputs = tuple(found.get("OUTPUTS", ())) or _outputs(definition)
    taken = {argument.arg for argument in (*maker.args.posonlyargs, *maker.args.args, *maker.args.kwonlyargs)}
    op = OwnOp(
        name, reference, inputs, summary.strip().splitlines()[0], parameters, _defaults(definition),
        _dims(maker, inputs), outputs, dict(found.get("ROLES", {})), dict(found.get("OUTPUT_DTYPES", {})),
        dict(found.get("TOLERANCE", {})), tuple(found.get("SHAPES", ())), "cost" in functions_of(reference.file),
        takes_weights=WEIGHTS in taken, replaces=tuple(found.get("REPLACES", ())),
    )  # fmt: skip
    _check(op)
    return op


def _check(op: OwnOp) -> None:
    file = op.reference.file
    for name, role in op.roles.items():
        if name not in op.parameters:
            raise HarnessError(f"{file}: ROLES: {op.name} has no input {name}; {allowed(name, op.parameters)}")
        if role not in ROLES:
            raise HarnessError(f"{file}: ROLES: {name}: unknown role {role}; {allowed(str(role), ROLES)}")
    for name in op.output_dtypes:
        if name not in op.outputs:
            raise HarnessError(f"{file}: OUTPUT_DTYPES: {op.name} has no output {name}; {allowed(name, op.outputs)}")


def _dims(maker: ast.FunctionDef, inputs: Function) -> dict[str, int | None] | None:
    arguments = [*maker.args.posonlyargs, *maker.args.args]
    if maker.args.vararg or maker.args.kwarg:
        raise HarnessError(
            f"{_place(inputs, maker)}: names its dims, or takes `{ALL_DIMS}`; *args and **kwargs hide them"
        )
    pairs = [*zip(arguments[::-1], maker.args.defaults[::-1], strict=False)]
    pairs += [(a, d) for a, d in zip(maker.args.kwonlyargs, maker.args.kw_defaults, strict=True) if d is not None]
    defaults = {argument.arg: _literal(default) for argument, default in pairs}
    names = [argument.arg for argument in (*arguments, *maker.args.kwonlyargs) if argument.arg not in GIVEN]
    if ALL_DIMS in names:
        return None
    for name in names:
        if name in defaults and not isinstance(defaults[name], int):
            raise HarnessError(f"{_place(inputs, maker)}: {name}: a dim is a whole number")
    return {name: defaults.get(name) for name in names}


def _defaults(definition: ast.FunctionDef) -> dict[str, Any]:
    """The reference's parameters that have a literal default."""
    arguments = [*definition.args.posonlyargs, *definition.args.args]
    pairs = zip(arguments[::-1], definition.args.defaults[::-1], strict=False)
    return {argument.arg: _literal(default) for argument, default in pairs}


def _outputs(definition: ast.FunctionDef) -> tuple[str, ...]:
    """Names of the values that the definition returns, by its last `return`."""
    own = [node for node in ast.walk(definition) if isinstance(node, ast.Return)]
    value = max(own, key=lambda node: node.lineno).value if own else None
    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        return ()
    if not isinstance(value, ast.Tuple):
        return ("y",)
    names = [node.id if isinstance(node, ast.Name) else f"y{number}" for number, node in enumerate(value.elts)]
    return tuple(names) if len(set(names)) == len(names) else tuple(f"y{number}" for number in range(len(names)))


def _settings(file: Path) -> dict[str, Any]:
    found = {}
    for statement in _tree(file).body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if isinstance(target, ast.Name) and target.id in SETTINGS:
            try:
                found[target.id] = ast.literal_eval(value)
            except ValueError as error:
                raise HarnessError(f"{file}:{statement.lineno}: {target.id}: not a literal") from error
    return found


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _function(function: Function) -> ast.FunctionDef:
    there = functions_of(function.file)
    if function.name not in there:
        raise HarnessError(f"{function.file}:1: has no function {function.name}; {allowed(function.name, there)}")
    return there[function.name]


def _place(function: Function, node: ast.FunctionDef) -> str:
    return f"{function.file}:{node.lineno}: {function.name}"


def _tree(file: Path) -> ast.Module:
    try:
        stat = file.stat()
    except OSError as error:
        raise HarnessError(f"{file}: cannot be read: {error.strerror}") from error
    return _parsed(file, stat.st_mtime_ns, stat.st_size)


@cache
def _parsed(file: Path, written_ns: int, size: int) -> ast.Module:
    """The syntax tree of a file of this age."""
    try:
        return ast.parse(file.read_text(encoding="utf-8"), str(file))
    except SyntaxError as error:
        raise HarnessError(f"{file}:{error.lineno or 1}:{error.offset or 1}: not Python: {error.msg}") from error
    except (OSError, ValueError) as error:
        raise HarnessError(f"{file}: cannot be read: {error}") from error
