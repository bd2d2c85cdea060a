"""The suite as a run recorded it: the text of that day, not the file of today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.suite.nodes import Node, parse
from harness.values.run import Run


def recorded_suite(run: Run) -> dict[str, Any]:
    """The sections of a run's suite as plain values; empty where the run holds no text."""
    text = run.sources.get(run.suite_hash)
    if text is None:
        return {}
    found: dict[str, Any] = _plain(parse(text, Path(f"{run.suite}.yaml of run {run.id}")))
    return found


def _plain(node: Node) -> Any:
    if node.is_mapping:
        return {key: _plain(value) for key, value in node.items()}
    return [_plain(element) for element in node.elements()] if node.is_list else node.value
