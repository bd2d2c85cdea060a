"""A Python file as its statements: their text, the names that each defines and uses. Runs nothing."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.importers.outcome import NotImported

BINARY = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
}  # fmt: skip


class Statement(NamedTuple):
    """A statement at the top level of a file."""

    node: ast.stmt
    text: str
    """As written, decorators included."""
    defines: frozenset[str]
    uses: frozenset[str]

    @property
    def is_import(self) -> bool:
        return isinstance(self.node, ast.Import | ast.ImportFrom | ast.Try)

    @property
    def is_definition(self) -> bool:
        return isinstance(self.node, ast.FunctionDef | ast.ClassDef)


def read_text(file: Path) -> str:
    """Return the text of a file. Raises NotImported where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise NotImported(f"cannot be read: {error}") from error


def statements(text: str) -> list[Statement]:
    """All statements at the top level except docstrings and `if __name__ == ...`. Raises NotImported where the text is
    not Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise NotImported(f"not Python: {getattr(error, 'msg', error)} (line {getattr(error, 'lineno', 1)})") from error
    lines = text.splitlines()
    kept = [node for node in tree.body if not _is_left_out(node)]
    return [Statement(node, _text(node, lines), defined(node), used(node)) for node in kept]


def _is_left_out(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return "__name__" in used(node.test)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _text(node: ast.stmt, lines: Sequence[str]) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)])
    end = node.end_lineno or node.lineno
    return "\n".join([*lines[first - 1 : end - 1], _before_comment(node, lines[end - 1])]).rstrip()


def _before_comment(node: ast.stmt, line: str) -> str:
    """The last line of a statement without the comment after an assignment, which does not fit its new place."""
    if not isinstance(node, ast.Assign):
        return line
    return line.encode()[: node.end_col_offset].decode()


def used(node: ast.AST) -> frozenset[str]:
    """Names that a statement takes from outside of itself, builtins among them."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return frozenset(_globals_of(symtable.symtable(ast.unparse(node), "<statement>", "exec")))
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    """Names that a scope, or one inside of it, looks up at the top level of its file."""
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or (top and not symbol.is_assigned())):
            yield symbol.get_name()
    for inside in table.get_children():
        yield from _globals_of(inside)


def defined(node: ast.stmt) -> frozenset[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return frozenset({node.name})
    if isinstance(node, ast.Import | ast.ImportFrom):
        return frozenset((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def closure(names: Iterable[str], among: Sequence[Statement]) -> frozenset[str]:
    """These names, and transitively all names that their defining statements use."""
    found: set[str] = set()
    rest = set(names)
    while rest:
        found |= rest
        rest = {name for one in among if one.defines & rest for name in one.uses} - found
    return frozenset(found)


def whole_number(node: ast.expr) -> int | None:
    """`128`, `2048 * 2`: None for anything else, including True and False."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        left, right = whole_number(node.left), whole_number(node.right)
        if left is None or right is None or (isinstance(node.op, ast.FloorDiv) and not right):
            return None
        return int(BINARY[type(node.op)](left, right))
    return None


def function_in(scope: Sequence[ast.stmt], name: str) -> ast.FunctionDef | None:
    return next((node for node in scope if isinstance(node, ast.FunctionDef) and node.name == name), None)


def parameters(function: ast.FunctionDef, method: bool = False, strict: bool = True) -> tuple[str, ...]:
    """Names of the positional arguments; those of a method without `self`. strict: raise NotImported where there may be
    others."""
    if strict and (function.args.vararg or function.args.kwarg):
        raise NotImported(f"{function.name} takes *args or **kwargs, which hide its arguments")
    names = tuple(argument.arg for argument in (*function.args.posonlyargs, *function.args.args))
    return names[1:] if method else names


def indented(text: str, by: int = 4) -> str:
    """Return a statement indented to stand inside a function. Lines within a string keep their value: they stay."""
    inside = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(text.splitlines(), 1)
    return "\n".join(line if number in inside or not line.strip() else " " * by + line for number, line in lines)
