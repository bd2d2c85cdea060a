"""Where a file lies, and what stands in its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.observe.place import shadows


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("json.py", ("json.py",)),
        ("torch.py", ("torch.py",)),
        ("numpy/__init__.py", ("numpy",)),
        ("mine.py", ()),
        ("json.txt", ()),
        ("numpy/notes.txt", ()),
        ("below/json.py", ()),
    ],
)
def test_a_module_at_the_root_with_a_librarys_name_stands_before_it(
    file: str, said: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("")
    assert shadows(tmp_path) == said
