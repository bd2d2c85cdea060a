"""FORMAT.md, made from the types: the format of a suite, and every JSON document.

`python docs/site/format_page.py` writes it anew; a test fails where it is not that of the types.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness import reports_root
from harness.suite.format import schema_text

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "FORMAT.md"
Schema = Mapping[str, Any]
HEAD = """# Formats

This page is made from the types (`python docs/site/format_page.py`). `harness schema` prints the JSON Schema of a
suite; `reports/schemas/` has that of each document. A document of the same version may gain keys; no key is removed or
changes its meaning.

"""


def page() -> str:
    """The whole page, in Markdown."""
    return f"{HEAD}{suite()}\n{json_documents()}"


def suite() -> str:
    """The format of a suite, section by section."""
    schema = json.loads(schema_text())
    parts = [f"## Suite\n\n{schema['description']}\n", _fields(schema, {})]
    parts += [_section(name, part, {}) for name, part in schema["$defs"].items()]
    return "\n".join(parts)


def json_documents() -> str:
    """The content of `--json` and of an export, document by document; a type that several hold is told once."""
    reports_root.bind()
    from harness_reports.documents.registry import DOCUMENTS
    from harness_reports.documents.registry import schema_text as schema_of

    meanings = {name: dict(_meanings(kind)) for kind in DOCUMENTS.values() for name, kind in _types(kind).items()}
    parts, told = ["## JSON documents\n\nEvery document has the key `schema`, its version.\n"], set[str]()
    for document in sorted(DOCUMENTS):
        schema = json.loads(schema_of(document))
        root = schema["$ref"].rsplit("/", 1)[1]
        parts.append(f"## {document}.json\n\nThe type `{root}`; schema: `reports/schemas/{document}.json`.\n")
        for name, part in schema["$defs"].items():
            if name not in told and "properties" in part:
                told.add(name)
                parts.append(_section(name, part, meanings.get(name, {})))
    return "\n".join(parts)


def _types(kind: Any) -> dict[str, type]:
    """The structs and dataclasses that a document holds, by name."""
    found: dict[str, type] = {}
    waiting = [msgspec.inspect.type_info(kind)]
    while waiting:
        info = waiting.pop()
        cls = getattr(info, "cls", None)
        if isinstance(cls, type) and (issubclass(cls, msgspec.Struct) or dataclasses.is_dataclass(cls)):
            if cls.__name__ in found:
                continue
            found[cls.__name__] = cls
        for field in getattr(info, "fields", ()):
            waiting.append(field.type)
        for name in ("item_type", "key_type", "value_type", "type"):
            if isinstance(below := getattr(info, name, None), msgspec.inspect.Type):
                waiting.append(below)
        for name in ("item_types", "types"):
            waiting += getattr(info, name, ())
    return found


def _meanings(cls: type) -> Iterator[tuple[str, str]]:
    """Each field with the sentence that stands under it in the source, inherited ones too."""
    for each in reversed(cls.__mro__):
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(each))).body[0]
        except (OSError, TypeError):  # built in, or made by a call
            continue
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    yield name, text


def _section(name: str, schema: Schema, meanings: Mapping[str, str]) -> str:
    said = inspect.cleandoc(schema.get("description", "")).replace("<", "&lt;")
    return (
        f"### {name}\n\n{said}\n\n{_fields(schema, meanings)}" if said else f"### {name}\n\n{_fields(schema, meanings)}"
    )


def _fields(schema: Schema, meanings: Mapping[str, str]) -> str:
    required = schema.get("required", ())
    rows = [
        f"| `{name}` | {_cell(_type(field))} | {_default(field, name in required)} | "
        f"{_cell(str(field.get('description') or meanings.get(name, '')))} |"
        for name, field in schema.get("properties", {}).items()
    ]
    return "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows]) + "\n" if rows else ""


def _type(field: Schema) -> str:
    """In words: `integer`, `list of string`, `one of a, b`."""
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[1]
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return "one of " + ", ".join(f"`{value}`" for value in field["enum"])
    for key in ("anyOf", "oneOf"):
        if key in field:
            return " or ".join(dict.fromkeys(_type(part) for part in field[key]))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items') or {})}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"map to {_type(field['additionalProperties'])}"
    kinds = field.get("type", "any")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def _default(field: Schema, required: bool) -> str:
    if required:
        return "required"
    return f"`{json.dumps(field['default'])}`" if "default" in field else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
