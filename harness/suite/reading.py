"""Nodes to the structs that declare a section of a suite: a mismatch is an error at its line, column and key.

`msgspec.convert` names one path in a text of its own. This walks the same declarations (`msgspec.inspect`) beside the
nodes instead, and adds `uniqueItems`, which JSON Schema has and msgspec lacks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from harness.suite.nodes import Node

Section = TypeVar("Section", bound=msgspec.Struct)


def read_section(node: Node, section: type[Section], names: Mapping[str, Sequence[str]] | None = None) -> Section:
    """The struct that a mapping stands for. names: the allowed words, by the noun of a declaration (`op of the model`);
    words under other nouns are accepted unchecked. Raises SuiteError for the first error."""
    found: Section = _Reader(names or {}).read(node, inspect.type_info(section))
    return found


@dataclass(frozen=True)
class _Reader:
    names: Mapping[str, Sequence[str]]

    def read(self, node: Node, kind: inspect.Type, facts: inspect.Metadata | None = None) -> Any:
        """A node converted to a declared type."""
        match kind:
            case inspect.Metadata():
                return self.read(node, kind.type, kind)
            case inspect.UnionType():
                [given] = (one for one in kind.types if not isinstance(one, inspect.NoneType))
                return self.read(node, given, facts)
            case inspect.StructType():
                return self._struct(node, kind)
            case inspect.VarTupleType():
                return self._list(node, kind.item_type, facts)
            case inspect.DictType():
                return self._mapping(node, kind.value_type, facts)
            case inspect.TupleType():
                return self._pair(node, kind.item_types, facts)
            case inspect.LiteralType():
                return _literal(node, kind.values, facts)
            case inspect.StrType():
                return self._word(node, facts)
            case inspect.IntType() | inspect.FloatType():
                return _number(node, kind)
            case inspect.BoolType():
                return _truth(node)
        return node

    def _struct(self, node: Node, kind: inspect.StructType) -> msgspec.Struct:
        fields = {entry.encode_name: entry for entry in kind.fields}
        found: dict[str, Any] = {}
        for key, child in node.items():
            if key not in fields:
                raise node.key_error(key, "unknown key", fields)
            found[fields[key].name] = self.read(child, fields[key].type)
        for key, entry in fields.items():
            if entry.required and entry.name not in found:
                described = _schema(entry.type).get("description")
                raise node.error(f"key {key} is missing" + (f" ({described})" if described else ""))
        made: msgspec.Struct = kind.cls(**found)
        return made

    def _list(self, node: Node, element: inspect.Type, facts: inspect.Metadata | None) -> tuple[Any, ...]:
        found: list[Any] = []
        for child in node.elements():
            value = self.read(child, element)
            if value in found and _schema(facts).get("uniqueItems"):
                raise child.error(f"{child.shown} is here twice")
            found.append(value)
        if len(found) < _schema(facts).get("minItems", 0):
            raise node.error("an empty list")
        return tuple(found)

    def _mapping(self, node: Node, value: inspect.Type, facts: inspect.Metadata | None) -> dict[str, Any]:
        found = {key: self.read(child, value) for key, child in node.items()}
        if len(found) < _schema(facts).get("minProperties", 0):
            raise node.error("an empty mapping")
        return found

    def _pair(self, node: Node, kinds: Sequence[inspect.Type], facts: inspect.Metadata | None) -> tuple[Any, ...]:
        parts = node.elements()
        if len(parts) != len(kinds):
            raise node.error(f"{node.shown} is not two values: {_noun(facts)}")
        return tuple(self.read(part, kind) for part, kind in zip(parts, kinds, strict=True))

    def _word(self, node: Node, facts: inspect.Metadata | None) -> Any:
        noun = _noun(facts)
        if noun is not None:
            names = self.names.get(noun)
            if names is not None and node.value not in names:
                raise node.error(f"{_word(node)} is no {noun}", str(node.value), names)
        elif not isinstance(node.value, str) or not node.value.strip():
            raise node.error(f"{node.shown} is not a text")
        return node.value


def _literal(node: Node, values: Sequence[Any], facts: inspect.Metadata | None) -> Any:
    for value in values:
        if value == node.value and type(value) is type(node.value):
            return value
    noun = _noun(facts)
    if noun is None:
        raise node.error(f"{node.shown} is not a version that is read here; allowed: {', '.join(map(str, values))}")
    raise node.error(f"unknown {noun} {_word(node)}", str(node.value), values)


def _number(node: Node, kind: inspect.IntType | inspect.FloatType) -> int | float:
    value, whole = node.value, isinstance(kind, inspect.IntType)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise node.error(f"{node.shown} is not a {'whole ' if whole else ''}number")
    if kind.gt is not None and not kind.gt < value < math.inf:
        raise node.error(f"{value} is out of range; allowed: finite numbers above {kind.gt}")
    if kind.ge is not None and kind.le is not None and not kind.ge <= value <= kind.le:
        raise node.error(f"{value} is out of range; allowed: {kind.ge} to {kind.le}")
    if kind.multiple_of and value % kind.multiple_of:
        raise node.error(f"{value} is odd; allowed: even numbers")
    return value if whole else float(value)


def _truth(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise node.error(f"{node.shown} is neither true nor false")
    return node.value


def _schema(facts: inspect.Type | None) -> Mapping[str, Any]:
    """The JSON Schema facts of a declaration beside its type."""
    return (facts.extra_json_schema if isinstance(facts, inspect.Metadata) else None) or {}


def _noun(facts: inspect.Metadata | None) -> str | None:
    return (facts.extra or {}).get("noun") if facts is not None else None


def _word(node: Node) -> str:
    """A value in an error line, a word without quotes."""
    return node.value if isinstance(node.value, str) else node.shown
