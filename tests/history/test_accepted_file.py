"""Accepted changes as a file in git: what is written is read back, and a wrong entry is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.history import accepted_file
from harness.values.event import Acceptance, Note

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)


@settings(max_examples=40)
@given(case=TEXT, why=TEXT, by=TEXT, percent=st.floats(0, 1e6))
def test_an_entry_is_read_as_it_was_written(
    case: str, why: str, by: str, percent: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever its text looks like to YAML; the suite is the file's."""
    suite = tmp_path_factory.mktemp("suite") / "small.yaml"
    accepted = Acceptance("u1", "2026-01-01T00:00:00+00:00", by, "small", case, "a" * 40, why, percent)
    note = Note("u2", "2026-01-02T00:00:00+00:00", by, "small", "", "b" * 40, why)
    accepted_file.add(suite, [accepted])
    accepted_file.add(suite, [note])
    assert accepted_file.read(suite) == [accepted, note]


def test_what_people_wrote_stays(tmp_path: Path) -> None:
    """Comments and entries before it, byte for byte."""
    suite = tmp_path / "small.yaml"
    accepted_file.add(suite, [Note("u", "2026-01-01", "me", "small", "", "b" * 40, "a driver")])
    path = accepted_file.file_of(suite)
    mine = path.read_text() + "# reviewed by two people\n"
    path.write_text(mine)
    accepted_file.add(suite, [Note("v", "2026-01-02", "me", "small", "c", "b" * 40, "cooling")])
    assert path.read_text().startswith(mine) and len(accepted_file.read(suite)) == 2
    assert accepted_file.read_all(tmp_path, {"small", "other"}) == accepted_file.read(suite)


@pytest.mark.parametrize("mine", ["- {note: a, commit: a, by: b, at: c, id: d}", "# only a comment", "# a\r\n"])
def test_a_last_line_without_an_end_is_ended(mine: str, tmp_path: Path) -> None:
    """Some editors write none; the new entry would be part of that line."""
    suite, note = tmp_path / "small.yaml", Note("v", "2026-01-02", "me", "small", "c", "b" * 40, "cooling")
    accepted_file.file_of(suite).write_bytes(mine.encode())
    before = accepted_file.read(suite)
    accepted_file.add(suite, [note])
    assert accepted_file.read(suite) == [*before, note]
    assert accepted_file.file_of(suite).read_bytes().startswith(mine.encode())


@pytest.mark.parametrize("mine", ["[]\n", "  - {note: a, commit: a, by: b, at: c, id: d}\n", "---\n...\n"])
def test_a_list_that_takes_no_entry_at_its_end_stays(mine: str, tmp_path: Path) -> None:
    suite = tmp_path / "small.yaml"
    accepted_file.file_of(suite).write_text(mine)
    with pytest.raises(HarnessError, match="takes no entry at its end; allowed: entries that begin with"):
        accepted_file.add(suite, [Note("v", "2026-01-02", "me", "small", "c", "b" * 40, "cooling")])
    assert accepted_file.file_of(suite).read_text() == mine


def test_a_suite_that_no_file_can_be_named_after_has_no_file(tmp_path: Path) -> None:
    """An imported run may be of any suite."""
    accepted_file.file_of(tmp_path / "s.yaml").write_text("- {note: a, commit: a, by: b, at: c, id: d}")
    assert accepted_file.read_all(tmp_path / "t", {"../s", "x" * 5000, "../../s"}) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", "allowed: a list of entries"),
        ("- [", "no YAML"),
        ("- {commit: a, by: b, at: c, id: d}", "entry 1: allowed: either `accept: CASE` or `note: CASE`"),
        ("- {accept: a, commit: a, by: b, at: c, id: d}", "entry 1: an accepted change has"),
        ("- {accept: a, commit: a, by: b, at: c, id: d, why: e, at_most_percent: much}", "entry 1: Expected `float"),
        ("- {accept: a, because: a}", "entry 1: Object"),
        ("- {accept: a, commit: a, by: b, at: c, id: d, why: e, at_most_percent: nan}", "entry 1: at_most_percent nan"),
        ("- {accept: a, commit: a, by: b, at: c, id: d, why: e, at_most_percent: -1}", "entry 1: at_most_percent -1"),
        ("- {note: a, commit: a, by: b, at: c, id: d}\n" * 2, "entry 2: id d is entry 1's; allowed: its own"),
        (r'- {note: "\ud800", commit: a, by: b, at: c, id: d}', "entry 1: .* is no character"),
        ("[" * 5000, "nested too deeply"),
        ("- " * 5000, "nested too deeply"),
    ],
)
def test_a_wrong_entry_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    accepted_file.file_of(tmp_path / "small.yaml").write_text(text)
    with pytest.raises(HarnessError, match=said) as error:
        accepted_file.read(tmp_path / "small.yaml")
    assert "\n" not in str(error.value)


def test_no_file_accepts_nothing(tmp_path: Path) -> None:
    assert accepted_file.read(tmp_path / "small.yaml") == []
