"""Hostile files and stores end in one line or are shown, whatever they hold."""

from __future__ import annotations

from pathlib import Path

from tests.store import fuzz


def test_a_mutated_file_is_refused_or_shown(tmp_path: Path) -> None:
    found = fuzz.files(tmp_path, range(180))
    assert min(found.values()) >= 10, found


def test_a_mutated_store_is_refused_or_read(tmp_path: Path) -> None:
    found = fuzz.stores(tmp_path, range(50))
    assert min(found.values()) >= 5, found
