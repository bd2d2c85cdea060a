"""Conditions of a sweep space (`group % block_k == 0 or block_k % group == 0`): parsed with `ast`, evaluated by a
walker.

Allowed: numbers, quoted words, None, names, comparisons, `and`, `or`, `not`, and `+ - * // %`. Nothing is ever passed
to `eval`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.errors import allowed

Value = int | float | str | bool | None

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}  # fmt: skip
_COMPARISON: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip
_SIGN: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
LONGEST = 500
"""Characters; deeper expressions than these allow would overflow the walker's stack."""


class WhereError(ValueError):
    """An error in a condition, in one line without its position. column: within the condition, from 1."""

    def __init__(self, what: str, column: int = 1) -> None:
        super().__init__(what)
        self.column = column


def check_condition(condition: str, names: Iterable[str]) -> None:
    """Raises WhereError unless the condition is in the language above and uses only these names."""
    known = set(names)
    for node in ast.walk(_parse(condition)):
        if isinstance(node, ast.Name) and node.id not in known:
            raise WhereError(f"unknown name {node.id}; {allowed(node.id, known)}", node.col_offset + 1)


def holds(condition: str, values: Mapping[str, Value]) -> bool:
    """Whether the condition is true for these values. Raises WhereError where it has no value (a remainder by zero)."""
    try:
        return bool(_value(_parse(condition), values))
    except (ArithmeticError, TypeError) as error:
        shown = ", ".join(f"{name}={value}" for name, value in sorted(values.items()) if name in condition)
        raise WhereError(f"`{condition}` has no value for {shown}: {error}") from error


def _parse(condition: str) -> ast.expr:
    if len(condition) > LONGEST:
        raise WhereError(f"longer than {LONGEST} characters")
    try:
        tree = ast.parse(condition.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        column = getattr(error, "offset", None) or 1
        raise WhereError(f"`{condition}` is not a condition: {getattr(error, 'msg', error)}", column) from error
    _check_nodes(tree)
    return tree


def _check_nodes(tree: ast.expr) -> None:
    for node in ast.walk(tree):
        what = None
        if isinstance(node, ast.BinOp) and type(node.op) not in _ARITHMETIC:
            what = f"operator {type(node.op).__name__}"
        elif isinstance(node, ast.Compare) and any(type(op) not in _COMPARISON for op in node.ops):
            what = "comparison by `in` or `is`"
        elif isinstance(node, ast.UnaryOp) and type(node.op) not in _SIGN:
            what = f"operator {type(node.op).__name__}"
        elif isinstance(node, ast.Constant) and not isinstance(node.value, int | float | str | None):
            what = f"the constant {node.value!r}"
        elif isinstance(node, ast.expr) and not isinstance(node, _EXPRESSIONS):
            what = type(node).__name__
        if what:
            words = "numbers, words, None, names, == != < <= > >=, and or not, + - * // %"
            raise WhereError(f"{what} is not part of a condition; allowed: {words}", getattr(node, "col_offset", 0) + 1)


_EXPRESSIONS = (ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Name, ast.Constant)


def _value(node: ast.expr, values: Mapping[str, Value]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.UnaryOp):
        return _SIGN[type(node.op)](_value(node.operand, values))
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left, values), _value(node.right, values)
        if isinstance(left, str) or isinstance(right, str):
            raise TypeError("arithmetic with a word")
        return _ARITHMETIC[type(node.op)](left, right)
    if isinstance(node, ast.BoolOp):
        return _logic(node, values)
    assert isinstance(node, ast.Compare)
    left = _value(node.left, values)
    for op, side in zip(node.ops, node.comparators, strict=True):
        right = _value(side, values)
        if not _COMPARISON[type(op)](left, right):
            return False
        left = right
    return True


def _logic(node: ast.BoolOp, values: Mapping[str, Value]) -> Any:
    """`and`, `or` as Python has them: the deciding operand, later ones not evaluated."""
    stop_at = isinstance(node.op, ast.Or)
    result: Any = None
    for operand in node.values:
        result = _value(operand, values)
        if bool(result) is stop_at:
            break
    return result
