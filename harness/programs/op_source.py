"""The text of a kernel, function or class of a program, with all that it uses of its own file."""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from pathlib import Path

from harness.importers.outcome import NotImported
from harness.importers.python_source import Statement, closure, read_text, statements, used

LAUNCHES = ("triton.jit", "jit")
"""The only decorators of a kernel that stay: tuners and heuristics chose constants that were recorded."""


def source_of(file: str, name: str) -> str:
    """Statements of the file in its order, imports among them. Raises NotImported where the name is not at its top
    level."""
    found = [_bare(one) if name in one.defines else one for one in statements(read_text(Path(file)))]
    if not any(name in one.defines and one.is_definition for one in found):
        raise NotImported(f"{name} is not at the top level of {Path(file).name}")
    wanted = closure([name], found)
    return "\n\n".join(_joined([one for one in found if one.defines & wanted]))


def launches_kernels(text: str) -> bool:
    return any(
        isinstance(node, ast.FunctionDef) and any("jit" in ast.unparse(one) for one in node.decorator_list)
        for node in ast.parse(text).body
    )


def _bare(one: Statement) -> Statement:
    """A definition with no decorator but `triton.jit`."""
    node = copy.deepcopy(one.node)
    if not isinstance(node, ast.FunctionDef):
        return one
    kept = [ast.unparse(part) for part in node.decorator_list if ast.unparse(part).partition("(")[0] in LAUNCHES]
    lines = one.text.splitlines()
    body = lines[len(lines) - (one.node.end_lineno or 0) + one.node.lineno - 1 :]
    node.decorator_list = [part for part in node.decorator_list if ast.unparse(part) in kept]
    text = "\n".join([*(f"@{part}" for part in kept), *body])
    return Statement(node, text, one.defines, used(node))


def _joined(found: Sequence[Statement]) -> list[str]:
    """The statements as text, with imports in one block."""
    imports = "\n".join(one.text for one in found if one.is_import)
    return [*([imports] if imports else []), *(one.text for one in found if not one.is_import)]
