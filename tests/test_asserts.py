"""`python -O` leaves asserts out: what is asserted only looks, so that nothing is left undone without it."""

from __future__ import annotations

import ast

from tests.conftest import REPOSITORY

PURE = {"isinstance", "len", "all", "any"}


def done_by(test: ast.expr) -> list[str]:
    """What the condition of an assert calls or binds, beyond what only looks."""
    calls = [node for node in ast.walk(test) if isinstance(node, ast.Call)]
    found = [ast.unparse(call) for call in calls if not (isinstance(call.func, ast.Name) and call.func.id in PURE)]
    return found + [ast.unparse(node) for node in ast.walk(test) if isinstance(node, ast.NamedExpr | ast.Await)]


def test_nothing_is_done_in_an_assert() -> None:
    for folder in ("harness", "kernels", "reports"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if "samples" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Assert):
                    assert not done_by(node.test), f"{path.relative_to(REPOSITORY)}:{node.lineno}"


def test_a_call_inside_of_what_looks_is_seen() -> None:
    assert done_by(ast.parse("isinstance(self._next(), Awake)", mode="eval").body) == ["self._next()"]
    assert done_by(ast.parse("(found := look) is not None", mode="eval").body) == ["(found := look)"]
