"""How a JSON document is declared and written."""

from __future__ import annotations

from collections.abc import Sequence
from types import GenericAlias
from typing import Any, get_type_hints

import msgspec

SCHEMA = 1
"""The version that every document carries as `schema`."""


def extended(name: str, kind: type[msgspec.Struct], *properties: str, without: Sequence[str] = (), **more: Any) -> Any:
    """A type with the fields of another one, some of its properties, and more. Types of the fields are named."""
    fields = {field.name: field.type for field in msgspec.structs.fields(kind) if field.name not in without}
    fields |= {found: get_type_hints(getattr(kind, found).fget)["return"] for found in properties}
    return msgspec.defstruct(name, list((fields | more).items()), frozen=True, kw_only=True)


def several(kind: Any) -> Any:
    """The type of a list of such rows."""
    return GenericAlias(tuple, (kind, ...))


def of(kind: Any, value: Any, **more: Any) -> Any:
    """A document of this type: its fields are attributes of the value, except for the ones in `more`."""
    return kind(**{name: getattr(value, name) for name in kind.__struct_fields__ if name not in more}, **more)


def struct(name: str, **fields: Any) -> Any:
    return msgspec.defstruct(name, list(fields.items()), frozen=True, kw_only=True)


def text(document: Any) -> str:
    """One JSON object on one line, its version first."""
    fields = {name: getattr(document, name) for name in document.__struct_fields__}
    return msgspec.json.encode({"schema": SCHEMA, **fields}).decode()
