"""Functions stay small enough to be read at a glance."""

from __future__ import annotations

import ast

from tests.conftest import REPOSITORY


def test_no_function_is_longer_than_60_lines() -> None:
    """A function does one thing on one screen, its signature and its docstring included."""
    files = [file for folder in ("harness", "kernels", "reports") for file in (REPOSITORY / folder).rglob("*.py")]
    functions = (
        (file.relative_to(REPOSITORY), node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
    )
    long = {f"{file}: {f.name}": n for file, f in functions if (n := (f.end_lineno or 0) - f.lineno + 1) > 60}
    assert long == {}
