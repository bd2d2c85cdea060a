"""What a value of a suite may be: each rule reads a node, or says what is wrong with it, and describes itself as JSON
Schema. The check and the schema for editors come from the same table and cannot drift apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.suite.nodes import Node

JsonSchema = dict[str, Any]


class Rule(Protocol):
    """read: the node's value, or SuiteError. schema: the same rule for editors."""

    def read(self, node: Node) -> Any: ...

    def schema(self) -> JsonSchema: ...


@dataclass(frozen=True)
class Text:
    """A word or prose that is not empty."""

    def read(self, node: Node) -> str:
        if not isinstance(node.value, str) or not node.value.strip():
            raise node.error(f"{node.shown} is not a text")
        return node.value

    def schema(self) -> JsonSchema:
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class Word:
    """One of a closed list; `names` is asked at reading, so that it may depend on what exists."""

    kind: str
    names: Callable[[], Sequence[str]]

    def read(self, node: Node) -> str:
        names = self.names()
        if not isinstance(node.value, str) or node.value not in names:
            what = node.value if isinstance(node.value, str) else node.shown
            raise node.error(f"unknown {self.kind} {what}", str(node.value), names)
        return node.value

    def schema(self) -> JsonSchema:
        return {"enum": list(self.names())}


@dataclass(frozen=True)
class Integer:
    """A whole number, not below `minimum`; `even`: a multiple of two."""

    minimum: int = 1
    maximum: int = 2**31 - 1
    even: bool = False

    def read(self, node: Node) -> int:
        value = node.value
        if not isinstance(value, int) or isinstance(value, bool):
            raise node.error(f"{node.shown} is not a whole number")
        if not self.minimum <= value <= self.maximum:
            raise node.error(f"{value} is out of range; allowed: {self.minimum} to {self.maximum}")
        if self.even and value % 2:
            raise node.error(f"{value} is odd; allowed: even numbers")
        return value

    def schema(self) -> JsonSchema:
        found: JsonSchema = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return {**found, "multipleOf": 2} if self.even else found


@dataclass(frozen=True)
class Number:
    """A finite number above zero."""

    def read(self, node: Node) -> float:
        value = node.value
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise node.error(f"{node.shown} is not a number")
        if not math.isfinite(value) or value <= 0:
            raise node.error(f"{value} is out of range; allowed: finite numbers above 0")
        return float(value)

    def schema(self) -> JsonSchema:
        return {"type": "number", "exclusiveMinimum": 0}


@dataclass(frozen=True)
class Exactly:
    """One number and no other: the version of the format."""

    value: int

    def read(self, node: Node) -> int:
        if node.value != self.value or isinstance(node.value, bool):
            raise node.error(f"{node.shown} is not a version that is read here; allowed: {self.value}")
        return self.value

    def schema(self) -> JsonSchema:
        return {"const": self.value}


@dataclass(frozen=True)
class ListOf:
    """A list of different values, not empty unless `empty`."""

    element: Rule
    empty: bool = False

    def read(self, node: Node) -> tuple[Any, ...]:
        found: list[Any] = []
        for child in node.elements():
            value = self.element.read(child)
            if value in found:
                raise child.error(f"{child.shown} is here twice")
            found.append(value)
        if not found and not self.empty:
            raise node.error("an empty list")
        return tuple(found)

    def schema(self) -> JsonSchema:
        return {
            "type": "array",
            "items": self.element.schema(),
            "uniqueItems": True,
            "minItems": 0 if self.empty else 1,
        }


@dataclass(frozen=True)
class Pair:
    """A list of exactly two values, each by a rule of its own. names: what they are, for the error."""

    first: Rule
    second: Rule
    names: str

    def read(self, node: Node) -> tuple[Any, Any]:
        parts = list(node.elements())
        if len(parts) != 2:
            raise node.error(f"{node.shown} is not two values: {self.names}")
        return self.first.read(parts[0]), self.second.read(parts[1])

    def schema(self) -> JsonSchema:
        return {
            "type": "array", "prefixItems": [self.first.schema(), self.second.schema()], "items": False, "minItems": 2,
        }  # fmt: skip


@dataclass(frozen=True)
class Later:
    """A value whose names depend on other values of the file: read by its own module; `described` is what editors
    see."""

    described: JsonSchema

    def read(self, node: Node) -> Node:
        return node

    def schema(self) -> JsonSchema:
        return self.described


@dataclass(frozen=True)
class Field:
    """A key of a section. doc: one line for editors. default: where the key is left out; `required` has none."""

    rule: Rule
    doc: str
    required: bool = False
    default: Any = None


@dataclass(frozen=True)
class Section:
    """A mapping with known keys."""

    fields: Mapping[str, Field] = field(default_factory=dict)

    def read(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, child in node.items():
            if key not in self.fields:
                raise node.key_error(key, "unknown key", self.fields)
            found[key] = self.fields[key].rule.read(child)
        for key, entry in self.fields.items():
            if key in found:
                continue
            if entry.required:
                raise node.error(f"key {key} is missing ({entry.doc})")
            found[key] = entry.default
        return found

    def schema(self) -> JsonSchema:
        properties = {}
        for key, entry in self.fields.items():
            described = {**entry.rule.schema(), "description": entry.doc}
            if entry.default not in (None, (), ""):
                described["default"] = list(entry.default) if isinstance(entry.default, tuple) else entry.default
            properties[key] = described
        required = [key for key, entry in self.fields.items() if entry.required]
        found: JsonSchema = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**found, "required": required} if required else found
