"""What counts of a file: of Python what runs, of everything else every byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.observe.code import code_of, content, is_still, names

TEXT = b'''"""A module."""

def double(x):
    """Twice."""
    return 2 * x  # exact
'''


@pytest.mark.parametrize(
    ("new", "same"),
    [
        (TEXT.replace(b"Twice", b"Two times"), True),
        (TEXT.replace(b"  # exact", b""), True),
        (TEXT.replace(b"2 * x", b"(2\n            * x)"), True),
        (TEXT.replace(b"2 * x", b"x * 2"), False),
        (TEXT.replace(b"return", b"'Twice.' + str(x)\n    return"), False),
    ],
)
def test_comments_docstrings_and_layout_do_not_run(new: bytes, same: bool) -> None:
    assert (code_of(TEXT) == code_of(new)) is same


def test_text_that_is_no_python_counts_as_it_is(tmp_path: Path) -> None:
    assert code_of(b"def (") == b"def ("
    (tmp_path / "a.txt").write_text("# a comment")
    before = content(tmp_path / "a.txt", as_code=True)
    (tmp_path / "a.txt").write_text("# a commenu")
    assert content(tmp_path / "a.txt", as_code=True) != before


def test_a_folder_counts_by_its_names_without_caches(tmp_path: Path) -> None:
    before = names(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    assert names(tmp_path) == before and is_still(tmp_path, before)
    (tmp_path / "new").write_text("")
    assert not is_still(tmp_path, before)
    assert is_still(tmp_path, names(tmp_path, packages=True))
