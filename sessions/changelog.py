"""Reads CHANGELOG.md, which has the form of Keep a Changelog 1.1.0: versions with a date, groups, entries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GROUPS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
VERSION = re.compile(r"## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})")


class Malformed(ValueError):
    """A line that has another form, with its number."""


@dataclass(frozen=True)
class Section:
    """One version, or `Unreleased`, which has no date. groups: entries by their heading, in the order of the file."""

    version: str
    released: date | None
    groups: Mapping[str, tuple[str, ...]]
    text: str


def read(text: str) -> list[Section]:
    """The sections, newest first. Raises Malformed at the first line that breaks the form."""
    found: list[Section] = []
    begins = [number for number, line in enumerate(text.splitlines()) if line.startswith("## ")]
    lines = text.splitlines()
    for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
        title = lines[begin]
        match = VERSION.fullmatch(title)
        if match is None and title != "## [Unreleased]":
            raise Malformed(f"line {begin + 1}: {title!r}; allowed: ## [Unreleased], ## [1.2.3] - 2026-01-31")
        version, released = (match[1], date.fromisoformat(match[2])) if match else ("Unreleased", None)
        body = lines[begin + 1 : end]
        found.append(Section(version, released, _groups(body, begin + 2), "\n".join(body).strip()))
    return found


def _groups(lines: list[str], first: int) -> dict[str, tuple[str, ...]]:
    """Entries by group, those below all its `####` headings together. first: number of the first line in the file."""
    found: dict[str, list[str]] = {}
    group = ""
    for number, line in enumerate(lines, first):
        if line.startswith("### "):
            group = line.removeprefix("### ")
            if group not in GROUPS or group in found:
                raise Malformed(f"line {number}: {line!r}; allowed, each once a version: {', '.join(GROUPS)}")
            found[group] = []
        elif line.startswith("- ") and group:
            found[group].append(line.removeprefix("- "))
        elif line.startswith("  ") and group and found[group]:
            found[group][-1] += " " + line.strip()
        elif line.strip() and not (line.startswith("#### ") and group):
            raise Malformed(f"line {number}: {line!r} is no heading, no entry and no continuation of one")
    return {name: tuple(entries) for name, entries in found.items()}


def section_of(version: str, root: Path = ROOT) -> Section | None:
    """The section of a version in the changelog below `root`; None where it has none."""
    sections = read((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    return next((section for section in sections if section.version == version), None)
