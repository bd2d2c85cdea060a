"""The first line whose code differs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.compare.changed_line import first_changed_line, first_changed_place

TEXT = '"""About."""\n\n\ndef run(x, *, block=8):\n    """Doc."""\n    # why\n    y = x + 1\n    return y\n'


def test_comments_docstrings_and_layout_are_no_code() -> None:
    """Neither a comment, a docstring, blank lines nor a longer indent is a change."""
    other = TEXT.replace("About", "Else").replace("Doc", "D").replace("    # why\n", "\n\n").replace("    ", "  ")
    assert first_changed_line(TEXT, other) is None
    assert first_changed_line(TEXT, TEXT) is None


def test_the_line_is_heads_own() -> None:
    """A change of code is found where it stands in head, whatever was put before it without being code."""
    changed = "# a comment\n# another\n" + TEXT.replace("x + 1", "x + 2")
    assert first_changed_line(TEXT, changed) == 9
    assert first_changed_line(TEXT, TEXT.replace("    return y\n", "")) is not None
    assert first_changed_line(TEXT, TEXT.replace('"""Doc."""', 'z = """Doc."""')) == 5


def test_a_line_moved_into_a_block_is_a_change() -> None:
    """The same words in another block are other code."""
    base = "if a:\n    b = 1\nc = 2\n"
    assert first_changed_line(base, "if a:\n    b = 1\n    c = 2\n") == 3


def test_the_file_is_named() -> None:
    """Of several files the first that differs, new and vanished ones included."""
    assert (
        first_changed_place({"a.py": "x = 1\n", "b.py": "y = 1\n"}, {"a.py": "x = 1\n", "b.py": "y = 2\n"}) == "b.py:1"
    )
    assert first_changed_place({"a.py": "x = 1\n"}, {"a.py": "x = 1\n", "c.py": "y = 2\n"}) == "c.py:1"
    assert first_changed_place({"a.py": "x = 1\n", "b.py": "y"}, {"a.py": "x = 1\n"}) == "b.py (gone)"
    assert first_changed_place({"a.py": "x = 1\n"}, {"a.py": "x = 1  # same\n"}) == ""


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_can_be_compared(base: str, head: str) -> None:
    """What is no Python is compared by its lines; a text never differs from itself, and a line is one of head's."""
    assert first_changed_line(base, base) is None
    line = first_changed_line(base, head)
    assert line is None or line >= 1
