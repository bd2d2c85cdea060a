"""ARCHITECTURE.md names what is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_every_folder_of_code_has_a_row() -> None:
    """And every row is a folder; data and caches have none."""
    there = {f"{top}/{path.name}" for top in ("harness", "reports") for path in (ROOT / top).iterdir() if path.is_dir()}
    rows = re.findall(r"^\| ((?:`[\w/]+`(?:, )?)+) \|", TEXT, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`((?:harness|reports)/\w+)`", row)}
    data = {"reports/samples", "reports/templates"}
    assert named == {folder for folder in there if "__pycache__" not in folder} - data


def test_every_file_that_it_names_is_there() -> None:
    """Where `NAME` stands for a new one, its folder."""
    for name in re.findall(r"`((?:harness|reports|tests)/[\w./]+?)`", TEXT):
        path = ROOT / name
        assert (path.parent if path.stem == "NAME" else path).exists(), name


def test_every_service_and_job_that_it_names_is_there() -> None:
    """A service is a module with `serve`; its jobs are messages that it or the wire declares."""
    rows = re.findall(r"^\| `(harness[\w.]+)`[^|]*\|[^|]*\| `(\w+)` \|$", TEXT, re.MULTILINE)
    messages = (ROOT / "harness" / "worker" / "messages.py").read_text()
    assert len(rows) >= 3
    for service, job in rows:
        text = (ROOT / f"{service.replace('.', '/')}.py").read_text()
        assert "def serve(" in text, service
        assert f"class {job}(" in text + messages, job
