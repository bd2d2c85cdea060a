"""The pages of the reference, made from the code: commands, suite format, JSON documents, Python, words.

A public name without a docstring, and a command or option without a help text, is an error.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

import kernel_harness
from harness.cli.main import app
from harness.explain.find import entries
from harness.suite.format import schema_text

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "reports" / "schemas"
Schema = Mapping[str, Any]


def commands() -> str:
    """A section a command: usage, help, a table of its arguments and options."""
    parts = ["# Commands\n"]
    for name, command in _all_commands("harness", typer.main.get_command(app)):
        with command.make_context(name, [], resilient_parsing=True) as context:
            usage = " ".join(command.collect_usage_pieces(context))
            parts.append(f"## {name}\n\n```text\n{name} {usage}\n```\n\n{_wanted(command.help, name)}\n")
            rows = [_option(parameter, context) for parameter in command.params]
        if rows:
            parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _all_commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """typer's classes are click's or its own, depending on its version: both have these attributes."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child, below in sorted(children.items()):
        yield from _all_commands(f"{name} {child}", below)


def _option(parameter: Any, context: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    names = (parameter.metavar or parameter.name.upper()) if is_argument else ", ".join(parameter.opts)
    return f"| `{names}` | {_cell(_wanted(parameter.help, f'{context.info_name} {names}'))} |"


def suite() -> str:
    """The format of a suite, section by section."""
    schema = json.loads(schema_text())
    parts = [f"# Suite format\n\n{schema['description']}\n", _fields(schema)]
    parts += [_section(name, part) for name, part in schema["$defs"].items()]
    return "\n".join(parts)


def json_documents() -> str:
    """What `--json` and an export hold, document by document; a type that several hold is told once."""
    parts, told = (
        ["# JSON documents\n\n`harness schema` has that of a suite. The others, as JSON Schema:\n"],
        set[str](),
    )
    for file in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        root = schema["$ref"].rsplit("/", 1)[1]
        link = f"reports/schemas/{file.name}"
        parts.append(f"## {file.stem}\n\nThe type `{root}`; schema: `{link}`.\n")
        for name, part in schema["$defs"].items():
            if name not in told and "properties" in part:
                told.add(name)
                parts.append(_section(name, part, "###"))
    return "\n".join(parts)


def _section(name: str, schema: Schema, heading: str = "##") -> str:
    said = schema.get("description", "")
    return f"{heading} {name}\n\n{said}\n\n{_fields(schema)}"


def _fields(schema: Schema) -> str:
    required = schema.get("required", ())
    rows = [
        f"| `{name}` | {_cell(_type(field))} | {_default(field, name in required)} | {_cell(_said(field))} |"
        for name, field in schema.get("properties", {}).items()
    ]
    return "\n".join(["| key | type | default | |", "|---|---|---|---|", *rows]) + "\n" if rows else ""


def _said(field: Schema) -> str:
    return str(field.get("description", ""))


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


def python() -> str:
    """The functions of `kernel_harness`, with signature and docstring."""
    parts = [f"# Python\n\n{_wanted(kernel_harness.__doc__, 'kernel_harness')}\n"]
    for name in kernel_harness.__all__:
        found = getattr(kernel_harness, name)
        said = _wanted(inspect.getdoc(found), name)
        signature = f"{name}{inspect.signature(found)}" if inspect.isfunction(found) else f"class {name}"
        parts.append(f"## {name}\n\n```python\n{signature}\n```\n\n{said}\n")
    return "\n".join(parts)


def words() -> str:
    """What `harness explain` says."""
    parts = ["# Words\n\nWhat the words in reports and on the terminal mean; `harness explain WORD` says the same.\n"]
    for entry in entries():
        anchor = entry.section.lower().replace(",", "").replace(" ", "-")
        more = f"More: [{entry.section}](../METHODOLOGY.md#{anchor})."
        parts.append(f"**{', '.join(entry.words)}**\n\n{entry.means} {more}\n")
    return "\n".join(parts)


def _wanted(text: str | None, name: str) -> str:
    if not text or not text.strip():
        raise SystemExit(f"{name}: no docstring or help text")
    return inspect.cleandoc(text)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


PAGES: Mapping[str, Callable[[], str]] = {
    "commands": commands, "suite": suite, "json": json_documents, "python": python, "words": words,
}  # fmt: skip
