"""Public functions of `harness/` that raise an error themselves and do not say so.

`python -m tests.docs.raises` lists them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OF_PYTHON = (
    "AttributeError",
    "KeyError",
    "NotImplementedError",
    "StopIteration",
    "SystemExit",
    "TypeError",
    "ValueError",
)
"""Errors of a caller's mistake, of a protocol of Python or of a script: no user meets them as a line."""
ENDINGS = ("Exit", "KeyboardInterrupt")
"""Ways in which a command ends."""
HELP = ("command",)
"""Functions of `harness/cli` whose docstring is the help text of a command, as are those of `STORE`."""
STORE = "harness/cli/store.py"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def undocumented(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, name and error of each public function whose docstring does not say `Raises`."""
    for function in _public(ast.parse(text).body):
        error = next(_raised(function.body), "")
        if error and "raise" not in (ast.get_docstring(function) or "").lower():
            yield function.lineno, function.name, error


def _public(body: list[ast.stmt]) -> Iterator[Function]:
    """Functions and methods without an underscore at any level, and `__init__`."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public(node.body)
        elif isinstance(node, Function) and (node.name == "__init__" or not node.name.startswith("_")):
            yield node


def _raised(body: list[ast.stmt]) -> Iterator[str]:
    """Names of the errors that leave these statements, without those of functions within."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func).rpartition(".")[2]
            if name[:1].isupper() and name not in OF_PYTHON and name not in ENDINGS:
                yield name
        caught = {name for handler in getattr(node, "handlers", ()) for name in _names(handler.type)}
        yield from (name for name in _raised(getattr(node, "body", [])) if name not in caught)
        for part in ("orelse", "finalbody"):
            yield from _raised(getattr(node, part, []))
        for handler in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from _raised(handler.body)


def _names(caught: ast.expr | None) -> set[str]:
    return {ast.unparse(part) for part in (caught.elts if isinstance(caught, ast.Tuple) else [caught]) if part}


def all_undocumented() -> list[str]:
    """Each as `file:line: name raises error`."""
    files = sorted((ROOT / "harness").rglob("*.py"))
    return [
        f"{file.relative_to(ROOT)}:{line}: {name} raises {error}"
        for file in files
        for line, name, error in undocumented(file.read_text(encoding="utf-8"))
        if name not in HELP and file != ROOT / STORE
    ]


if __name__ == "__main__":
    print(*all_undocumented(), sep="\n")
