"""The pages of the reference that are made from the code: commands, Python, words. FORMAT.md has its own module.

A public name without a docstring, and a command or option without a help text, is an error.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import typer

import kernel_harness
from harness.cli.main import app
from harness.explain.find import entries


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
    "commands": commands, "python": python, "words": words,
}  # fmt: skip
