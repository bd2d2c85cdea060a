"""YAML text to nodes that know their position. Values by YAML 1.2's core rules: `no`, `on`, `1:30` and dates are words.

A duplicate key, a tag, a merge key (`<<`), several documents and an alias inside its own anchor are errors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer, ComposerError
from yaml.nodes import MappingNode, ScalarNode, SequenceNode
from yaml.nodes import Node as YamlNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from harness.errors import HarnessError, allowed

Scalar = str | int | float | bool | None
MOST_NODES = 20_000
"""Limit of nodes: aliases of aliases can turn a few lines into a tree that fills any memory; no real suite has a tenth
of this."""

_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,1000}")
_OCT = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")


class SuiteError(HarnessError):
    """An error in a suite, at its position: `file:line:column: key.path: what; allowed: ...`."""


@dataclass(frozen=True)
class Node:
    """A value and its position."""

    value: Any
    """A scalar, a `dict[str, Node]` or a `list[Node]`."""
    file: str
    line: int
    """Counted from 1, like the column."""
    column: int
    path: str
    """Keys from the root (`arms.baseline.sdpa`)."""
    key_places: dict[str, tuple[int, int]] | None = None
    """Line and column of each key of a mapping."""

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, list)

    def items(self) -> Iterator[tuple[str, Node]]:
        """The entries of a mapping; an error for anything else."""
        if not self.is_mapping:
            raise self.error(f"{self.shown} is not a mapping (key: value)")
        return iter(self.value.items())

    def elements(self) -> list[Node]:
        """The elements of a list; an error for anything else."""
        if not self.is_list:
            raise self.error(f"{self.shown} is not a list")
        found: list[Node] = self.value
        return found

    @property
    def plain(self) -> Any:
        """The value alone: a scalar, a dict or a list."""
        if self.is_mapping:
            return {key: node.plain for key, node in self.value.items()}
        return [node.plain for node in self.value] if self.is_list else self.value

    @property
    def shown(self) -> str:
        """The value in an error line."""
        return "a mapping" if self.is_mapping else "a list" if self.is_list else shown(self.value)

    def error(self, what: str, wrong: str | None = None, names: Iterable[str] | None = None) -> SuiteError:
        """An error at this value, with the text of `what`; with `names`, followed by the allowed ones and the nearest
        to `wrong`."""
        return _error(self.file, self.line, self.column, self.path, what, wrong, names)

    def key_error(self, key: str, what: str, names: Iterable[str] | None = None) -> SuiteError:
        """An error at a key of this mapping, with the text of `what`."""
        line, column = (self.key_places or {}).get(key, (self.line, self.column))
        return _error(self.file, line, column, join(self.path, key), what, key, names)


def _error(
    file: str, line: int, column: int, path: str, what: str, wrong: str | None, names: Iterable[str] | None
) -> SuiteError:
    hint = f"; {allowed(wrong or '', names)}" if names is not None else ""
    return SuiteError(f"{file}:{line}:{column}: {path + ': ' if path else ''}{what}{hint}")


def join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def shown(value: Scalar) -> str:
    """A scalar as YAML spells it: `null`, `true`, `"a word"`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def parse(text: str, file: str | Path) -> Node:
    """The nodes of one YAML document. Raises SuiteError where the text is not one."""
    name = str(file)
    try:
        root = _Loader(text, name).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        twice = isinstance(error, ComposerError) and "single document" in (error.context or "")
        what = "more than one document" if twice else error.problem or error.context
        raise SuiteError(f"{name}{place}: not YAML: {what}") from error
    except yaml.YAMLError as error:
        raise SuiteError(f"{name}:1:1: not YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise SuiteError(f"{name}:1:1: not a suite: nested too deeply") from error
    if root is None:
        raise SuiteError(f"{name}:1:1: nothing in it")
    return _Converter(name).convert(root, "")


def plain_value(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar by the core schema of YAML 1.2."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    if _INT.fullmatch(text):
        return int(text)
    if _OCT.fullmatch(text):
        return int(text[2:], 8)
    if _HEX.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INF.fullmatch(text):
        return -math.inf if text.startswith("-") else math.inf
    return math.nan if _NAN.fullmatch(text) else text


_PLAIN, _QUOTED, _COLLECTION = "plain", "quoted", "collection"


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """A composer of nodes whose tags only tell plain scalars from quoted ones; tags written in the file are kept."""

    def __init__(self, text: str, name: str) -> None:
        Reader.__init__(self, text)
        self.name = name
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)

    def resolve(self, kind: type[YamlNode], value: Any, implicit: Any) -> str:
        if kind is not ScalarNode:
            return _COLLECTION
        return _PLAIN if implicit[0] else _QUOTED


class _Converter:
    """Convert PyYAML's nodes to ours. An alias is its anchor's node again, under the path of the alias."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[YamlNode] = []
        self._count = 0

    def convert(self, node: YamlNode, path: str) -> Node:
        line, column = _place(node)
        self._count += 1
        what = None
        if self._count > MOST_NODES:
            what = f"more than {MOST_NODES} values: it may have aliases of aliases"
        elif any(node is above for above in self._open):
            what = "an alias inside its own anchor"
        elif node.tag not in (_PLAIN, _QUOTED, _COLLECTION):
            what = f"tags ({node.tag}) are not used here; a quoted value is a word"
        elif isinstance(node, ScalarNode):
            what = _not_kept(node)
        if what:
            raise _error(self._file, line, column, path, what, None, None)
        self._open.append(node)
        try:
            return self._convert(node, path, line, column)
        finally:
            self._open.pop()

    def _convert(self, node: YamlNode, path: str, line: int, column: int) -> Node:
        if isinstance(node, MappingNode):
            return self._mapping(node, path, line, column)
        if isinstance(node, SequenceNode):
            elements = [self.convert(child, f"{path}[{number}]") for number, child in enumerate(node.value)]
            return Node(elements, self._file, line, column, path)
        value = plain_value(node.value) if node.tag == _PLAIN else node.value
        return Node(value, self._file, line, column, path)

    def _mapping(self, node: MappingNode, path: str, line: int, column: int) -> Node:
        entries: dict[str, Node] = {}
        places: dict[str, tuple[int, int]] = {}
        for key_node, value_node in node.value:
            place = _place(key_node)
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            what = None
            if key is None:
                what = "a key is a word"
            elif key == "<<" and key_node.tag == _PLAIN:
                what = (
                    "merge keys (<<) are not used here; an arm inherits with `like:`, a space is reused with an alias"
                )
            elif (half := _HALF.search(key)) is not None:
                what = f"{half[0]!r} is half of a character"
            elif key in entries:
                what = f"key {key} is here twice; first in line {places[key][0]}"
            if what or key is None:
                raise _error(self._file, *place, join(path, key or ""), what or "", None, None)
            entries[key] = self.convert(value_node, join(path, key))
            places[key] = place
        return Node(entries, self._file, line, column, path, places)


_HALF = re.compile("[\ud800-\udfff]")
"""A half of a surrogate pair: YAML can spell it, and no file can hold it."""
_LONGEST_INT = 22
"""Characters of the longest whole number of 64 bits in any of the bases; it may have leading zeros."""


def _not_kept(node: ScalarNode) -> str | None:
    """The reason why no store keeps this scalar; None for most."""
    text = node.value
    if (half := _HALF.search(text)) is not None:
        return f"{half[0]!r} is half of a character"
    if node.tag != _PLAIN or not any(form.fullmatch(text) for form in (_INT, _OCT, _HEX)):
        return None
    digits = text.lstrip("+-0ox")
    fits = len(digits) <= _LONGEST_INT and -(2**63) <= int(plain_value(text) or 0) < 2**63
    return None if fits else f"{text[:30]}{'...' * (len(text) > 30)} has more than 64 bits"


def _place(node: YamlNode) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
