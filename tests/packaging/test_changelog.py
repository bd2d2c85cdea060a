"""CHANGELOG.md: the form of Keep a Changelog, newest first, readable."""

from __future__ import annotations

import re

import pytest

from sessions.changelog import Malformed, read
from sessions.tag import version_of
from tests.conftest import REPOSITORY

TEXT = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
SECTIONS = read(TEXT)
MOST_WORDS = 60
"""Of an entry. The page of the option has the rest."""


def test_the_sections_go_from_unreleased_to_the_first_version() -> None:
    """Versions and dates fall, and the newest version is that of the package."""
    assert SECTIONS[0].version == "Unreleased"
    versions = [tuple(map(int, section.version.split("."))) for section in SECTIONS[1:]]
    dates = [section.released for section in SECTIONS[1:] if section.released]
    assert len(dates) == len(versions) >= 2
    assert versions == sorted(versions, reverse=True) and dates == sorted(dates, reverse=True)
    assert SECTIONS[1].version == version_of()


def test_a_version_has_entries_and_each_is_short() -> None:
    for section in SECTIONS[1:]:
        assert section.groups and all(section.groups.values()), section.version
    entries = [entry for section in SECTIONS for group in section.groups.values() for entry in group]
    assert [entry for entry in entries if len(entry.split()) > MOST_WORDS] == []
    assert [entry for entry in entries if not re.match(r"[A-Z`*]", entry) or not entry.endswith((".", ":"))] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("## 0.1.0\n", "line 1: '## 0.1.0'; allowed"),
        ("## [0.1.0] - today\n", "line 1"),
        ("## [0.1.0] - 2026-01-31\n\n### Everything else\n", "line 3: .*allowed, each once a version: Added"),
        ("## [0.1.0] - 2026-01-31\n### Added\n- a\n### Added\n", "line 4"),
        ("## [Unreleased]\n### Added\nwords\n", "line 3: 'words' is no heading"),
    ],
)
def test_a_line_of_another_form_is_named(text: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read(text)


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="day"):
        read("## [0.1.0] - 2026-02-31\n")


def test_an_entry_may_have_several_lines() -> None:
    [section] = read("# Changelog\n\n## [1.0.0] - 2026-01-31\n\n### Fixed\n\n- One\n  line.\n- Another.\n")
    assert section.groups == {"Fixed": ("One line.", "Another.")} and section.text.startswith("### Fixed")
