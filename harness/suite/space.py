"""The sweep space that a variant's author wrote beside it: `SPACE`, read from the syntax tree. Nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, allowed
from harness.suite import where
from harness.suite.signature import TunableValue
from harness.values.suite import SweepSpace

NAME = "SPACE"
WHERE = "where"


def read_space(file: Path, op: str, variant: str, known: Mapping[str, TunableValue], dims: Sequence[str]) -> SweepSpace:
    """`SPACE = {"tunable": [values], ..., "where": ["condition"]}` of a file. known: the variant's tunables with their
    defaults, which its values must be like; dims: the op's sizes, which conditions may use.

    Raises HarnessError, one line with file and line, where there is none or it is something else.
    """
    node = _assigned(file)

    def wrong(what: str) -> HarnessError:
        return HarnessError(f"{file}:{node.lineno}: {NAME}: {what}")

    try:
        found = ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        raise wrong("not a literal; allowed: a dict of lists of numbers, words or truth values") from error
    if not isinstance(found, dict) or not found:
        raise wrong("not a dict of lists; allowed: tunables with their values, and `where`")
    values = {}
    for name, listed in found.items():
        if name == WHERE:
            continue
        if name not in known:
            raise wrong(f"{variant} has no tunable {name}; {allowed(str(name), [*known, WHERE])}")
        values[name] = _values(listed, known[name], f"{name}: ", wrong)
    if not values:
        raise wrong("no tunable to vary")
    conditions = found.get(WHERE, [])
    if not isinstance(conditions, list | tuple) or not all(isinstance(c, str) for c in conditions):
        raise wrong("where: not a list of conditions")
    for condition in conditions:
        try:
            where.check(condition, [*known, *dims])
        except where.WhereError as error:
            raise wrong(f"where: {error}") from error
    return SweepSpace(op, variant, values, tuple(conditions))


def _values(listed: Any, default: TunableValue, place: str, wrong: Any) -> tuple[TunableValue, ...]:
    if not isinstance(listed, list | tuple) or not listed:
        raise wrong(f"{place}not a list of values")
    kind = type(default)
    for value in listed:
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise wrong(f"{place}{value!r} is not like the default, {default!r}")
    if len(set(listed)) < len(listed):
        raise wrong(f"{place}a value is there twice")
    return tuple(kind(value) for value in listed)


def _assigned(file: Path) -> ast.expr:
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == NAME for target in targets):
            return value
    raise HarnessError(f"{file}:1: has no {NAME}; allowed: the space in the suite, as lists of values per tunable")
