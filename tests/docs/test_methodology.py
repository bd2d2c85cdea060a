"""METHODOLOGY.md says the constants that the code has."""

from __future__ import annotations

import re
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r"^\| (?P<what>[^|]+) \| (?P<value>[\d.]+) \| `(?P<where>[\w.()]+)(\[\"(?P<key>\w+)\"\])?` \|$", re.MULTILINE
)
ROWS = list(ROW.finditer((ROOT / "METHODOLOGY.md").read_text()))


def _constant(where: str, key: str | None) -> Any:
    """A module's name, then its attribute's; `Policy().x` is the default of a field."""
    parts = where.split(".")
    split = next(i for i, part in enumerate(parts) if part[0].isupper())
    value = reduce(_attribute, parts[split:], import_module(".".join(parts[:split])))
    return value[key] if key else value


def _attribute(owner: Any, name: str) -> Any:
    found = getattr(owner, name.removesuffix("()"))
    return found() if name.endswith("()") else found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["where"])
def test_a_constant_is_what_the_page_says(row: re.Match[str]) -> None:
    """Whoever changes how a number is made changes the page that explains it."""
    assert float(row["value"]) == _constant(row["where"], row["key"])


def test_the_table_is_read_whole() -> None:
    """No row of the table escapes the test above."""
    table = (ROOT / "METHODOLOGY.md").read_text().split("## Constants")[1]
    assert len(ROWS) == sum(line.startswith("| ") for line in table.splitlines()) - 1 > 10
