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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", "allowed: a list of entries"),
        ("- [", "no YAML"),
        ("- {commit: a, by: b, at: c, id: d}", "entry 1: allowed: either `accept: CASE` or `note: CASE`"),
        ("- {accept: a, commit: a, by: b, at: c, id: d}", "entry 1: an accepted change has"),
        ("- {accept: a, commit: a, by: b, at: c, id: d, why: e, at_most_percent: much}", "entry 1: Expected `float"),
        ("- {accept: a, because: a}", "entry 1: Object"),
    ],
)
def test_a_wrong_entry_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    accepted_file.file_of(tmp_path / "small.yaml").write_text(text)
    with pytest.raises(HarnessError, match=said) as error:
        accepted_file.read(tmp_path / "small.yaml")
    assert "\n" not in str(error.value)


def test_no_file_accepts_nothing(tmp_path: Path) -> None:
    assert accepted_file.read(tmp_path / "small.yaml") == []
