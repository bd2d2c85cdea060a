"""`--markdown FILE`: the Markdown of a comparison, measured or compiled."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError


def write_markdown(file: str, text: str) -> None:
    """To a file, or for `-` to standard output."""
    if file == "-":
        print(text)
        return
    try:
        Path(file).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"--markdown {file}: {error.strerror or error}") from error
