"""What is done at the moment at which a module is imported."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from harness.recording.when_imported import when_imported


def test_it_is_done_once_after_the_module_has_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once for one that is there; never for one that is not; the module's loader is its own."""
    (tmp_path / "late_one.py").write_text("READY = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[int] = []
    when_imported("late_one", lambda: seen.append(sys.modules["late_one"].READY))
    assert not seen
    module = importlib.import_module("late_one")
    importlib.reload(module)
    assert seen == [1] and module.__spec__ is not None and type(module.__spec__.loader).__name__ == "SourceFileLoader"
    when_imported("late_one", lambda: seen.append(2))
    assert seen == [1, 2]
