"""The sweep space that a variant's author wrote beside it: `SPACE`, from the syntax tree to the same nodes as a suite's
lists of values. A literal runs nothing; for any other `SPACE` the caller imports the file in a worker."""

from __future__ import annotations

import ast
from pathlib import Path

from harness.errors import HarnessError
from harness.suite.nodes import Node, join

NAME = "SPACE"


def authors_space(file: Path, function: str = "run") -> tuple[Node, bool]:
    """`SPACE = {"tunable": [values], ..., "where": ["condition"]}` of a file, and True where it is a literal. A
    computed space gives a node with its position alone, and False. Raises HarnessError, one line with the position,
    where there is none. function: of the variant; the space of `run_fast` is `SPACE_fast`."""
    wanted, tree = _name(function), ast.parse(file.read_text(encoding="utf-8"), str(file))
    found = [node for node in ast.walk(tree) if _binds(node, wanted)]
    if not found:
        raise HarnessError(
            f"{file}:1: has no {wanted}; allowed: the space in the suite, as lists of values per tunable"
        )
    first = found[0]
    for statement in tree.body if len(found) == 1 else ():
        target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        value = getattr(statement, "value", None)
        if target is first and value is not None and _is_literal(value):
            return literal_of(value, file, wanted), True
    line, column = getattr(first, "lineno", 1), getattr(first, "col_offset", 0) + 1
    return Node(None, str(file), line, column, wanted), False


def has_space(file: Path, function: str = "run") -> bool:
    """Whether the variant's author wrote one."""
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    return any(_binds(node, _name(function)) for node in ast.walk(tree))


def _name(function: str) -> str:
    return f"{NAME}{function.removeprefix('run')}"


def _binds(node: ast.AST, name: str) -> bool:
    """Whether a node is the name or imports it."""
    if isinstance(node, ast.alias):
        return (node.asname or node.name) == name
    return isinstance(node, ast.Name) and node.id == name


def _is_literal(tree: ast.expr) -> bool:
    try:
        ast.literal_eval(tree)
    except (ValueError, TypeError):
        return False
    return True


def literal_of(tree: ast.expr, file: Path, path: str) -> Node:
    """A literal as nodes, each at its position in the file. Raises HarnessError for the first part that is not
    literal."""

    def node(value: object, keys: dict[str, tuple[int, int]] | None = None) -> Node:
        return Node(value, str(file), tree.lineno, tree.col_offset + 1, path, keys)

    if isinstance(tree, ast.Dict):
        keys = {str(key.value): key for key in tree.keys if isinstance(key, ast.Constant)}
        if len(keys) == len(tree.keys):
            places = {name: (key.lineno, key.col_offset + 1) for name, key in keys.items()}
            pairs = zip(keys, tree.values, strict=True)
            return node({name: literal_of(value, file, join(path, name)) for name, value in pairs}, places)
    if isinstance(tree, ast.List | ast.Tuple):
        return node([literal_of(value, file, f"{path}[{number}]") for number, value in enumerate(tree.elts)])
    try:
        return node(ast.literal_eval(tree))
    except (ValueError, TypeError) as error:
        raise node(None).error("not a literal; allowed: a dict of lists of numbers, words or truth values") from error
