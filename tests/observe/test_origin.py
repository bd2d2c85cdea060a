"""Where a file lies, and what stands in its way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.observe.origin import Origins, shadows


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


def test_folders_that_tools_filled_are_installed_unless_they_hold_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pip install --target` on PYTHONPATH, and Triton's cache with the launchers that it builds."""
    for folder in ("site/msgspec-1.dist-info", "tree/mine-1.dist-info", "triton"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "triton"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), str(tmp_path / "tree"), *sys.path])
    origins = Origins(tmp_path / "tree")
    assert origins.of(str(tmp_path / "site" / "msgspec" / "core.so")) == "installed"
    assert origins.of(str(tmp_path / "triton" / "x" / "launcher.so")) == "installed"
    assert origins.of(str(tmp_path / "tree" / "mine.py")) == "tree"
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    assert Origins(tmp_path / "tree").of(str(tmp_path / "tree" / "mine.py")) == "tree"
