"""The sweep space that a variant's author wrote beside it: `SPACE`, from the syntax tree to the same nodes as a suite's
lists of values. Nothing is run."""

from __future__ import annotations

import ast
from pathlib import Path

from harness.errors import HarnessError
from harness.suite.nodes import Node, join

NAME = "SPACE"


def authors_space(file: Path, function: str = "run") -> Node:
    """`SPACE = {"tunable": [values], ..., "where": ["condition"]}` of a file. Raises HarnessError, one line with its
    place, where there is none, or it is no literal. function: of the variant; the space of `run_fast` is `SPACE_fast`.
    """
    wanted = f"{NAME}{function.removeprefix('run')}"
    for statement in ast.parse(file.read_text(encoding="utf-8"), str(file)).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == wanted for target in targets):
            value = getattr(statement, "value", None)
            if value is not None:
                return literal_of(value, file, wanted)
    raise HarnessError(f"{file}:1: has no {wanted}; allowed: the space in the suite, as lists of values per tunable")


def literal_of(tree: ast.expr, file: Path, path: str) -> Node:
    """A literal as nodes, each at its place in the file; HarnessError for the first part that is none."""

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
