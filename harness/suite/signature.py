"""The declarations of a variant's file, read from its syntax tree: inputs, tunables and their defaults. Nothing is
run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

TunableValue = int | float | str | bool | None


@dataclass(frozen=True)
class Signature:
    """The signature of a variant."""

    inputs: tuple[str, ...]
    """The positional parameters of `run`."""
    tunables: Mapping[str, TunableValue]
    """Its keyword-only parameters with their defaults."""
    line: int
    """The line of the function."""


def read_signature(file: Path, op: Any = None, function: str = "run") -> Signature:
    """The signature of a file's function; with an op (`contract.Op`), checked against its inputs.

    Raises HarnessError, one line with file and line, where the file has no `run`, a tunable has no literal default, or
    the inputs are not the op's.
    """
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    except SyntaxError as error:
        raise HarnessError(f"{file}:{error.lineno or 1}:{error.offset or 1}: not Python: {error.msg}") from error
    except (OSError, ValueError) as error:
        raise HarnessError(f"{file}: cannot be read: {error}") from error
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function]
    if not found:
        raise HarnessError(
            f"{file}:1: a variant needs a function `{function}(inputs..., *, tunables...)` at its top level"
        )
    run = found[-1]
    arguments = run.args
    if arguments.vararg or arguments.kwarg:
        raise HarnessError(
            f"{file}:{run.lineno}: {function}: names its inputs and tunables; *args and **kwargs hide them"
        )
    defaulted = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)[-len(arguments.defaults) :]]
    if arguments.defaults and not set(defaulted) <= _constants(op):
        raise HarnessError(f"{file}:{run.lineno}: {function}: inputs have no defaults; a tunable comes after the `*`")
    tunables = {
        argument.arg: _default(file, function, argument, default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    }
    signature = Signature(tuple(a.arg for a in (*arguments.posonlyargs, *arguments.args)), tunables, run.lineno)
    if op is not None:
        _check_inputs(file, function, signature, op)
    return signature


def _default(file: Path, function: str, argument: ast.arg, default: ast.expr | None) -> TunableValue:
    try:
        value = ast.literal_eval(default) if default is not None else ...
    except ValueError:
        value = ...
    if not isinstance(value, int | float | str | bool | None):
        what = f"tunable {argument.arg} needs a number, word, truth value or None as default"
        raise HarnessError(f"{file}:{argument.lineno}: {function}: {what}")
    return value


def _constants(op: Any) -> set[str]:
    """The inputs that are Python numbers: a default of theirs is never used, and misleads nobody."""
    return {i.name for i in op.inputs if i.role == "constant"} if op is not None else set()


def _check_inputs(file: Path, function: str, signature: Signature, op: Any) -> None:
    wanted = tuple(i.name for i in op.inputs)
    if signature.inputs != wanted:
        got = ", ".join(signature.inputs) or "nothing"
        raise HarnessError(
            f"{file}:{signature.line}: {function}: takes ({got}), the op's inputs are ({', '.join(wanted)})"
        )
