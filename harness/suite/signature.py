"""What a variant takes, read from its source without importing it."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.values.case import Tunables


class Signature(msgspec.Struct, frozen=True):
    """inputs: names of the positional parameters of `run`. tunables: its keyword-only parameters with their defaults. space: the
    author's own sweep space, where the module has a literal `SPACE`."""

    inputs: tuple[str, ...]
    tunables: Tunables
    space: dict[str, list[int | float | str | bool]] = {}


def read_signature(path: Path) -> Signature:
    """The signature of the `run` in a file. Raises HarnessError where there is none, or a tunable has no literal default."""
    try:
        tree = ast.parse(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: cannot be read: {error}") from error
    except SyntaxError as error:
        raise HarnessError(f"{path}:{error.lineno}:{error.offset}: {error.msg}") from error
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "run":
            return Signature(_inputs(path, node), _tunables(path, node), _space(tree))
    raise HarnessError(f"{path}: no function run(...); a variant is a module with one")


def _inputs(path: Path, node: ast.FunctionDef) -> tuple[str, ...]:
    if node.args.vararg or node.args.kwarg:
        raise HarnessError(f"{path}:{node.lineno}: run takes the op's inputs by name, not *args or **kwargs")
    return tuple(argument.arg for argument in node.args.posonlyargs + node.args.args)


def _tunables(path: Path, node: ast.FunctionDef) -> Tunables:
    found: Tunables = {}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        try:
            value = ast.literal_eval(default) if default is not None else None
        except ValueError:
            value = None
        if not isinstance(value, int | float | str | bool):
            raise HarnessError(f"{path}:{argument.lineno}: tunable {argument.arg} needs a default that is a number, text or bool")
        found[argument.arg] = value
    return found


def _space(tree: ast.Module) -> dict[str, list[int | float | str | bool]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "SPACE" for t in node.targets):
            value = ast.literal_eval(node.value)
            return dict(value)
    return {}
