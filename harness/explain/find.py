"""Finds the entry of a word of the program's output."""

from __future__ import annotations

import difflib
from pathlib import Path

import msgspec

from harness.errors import HarnessError

FILE = Path(__file__).with_name("words.yaml")


class Entry(msgspec.Struct, frozen=True):
    """The explanation of some words."""

    words: tuple[str, ...]
    """The explained words, as the output shows them."""
    means: str
    """One paragraph."""
    section: str
    """A heading of METHODOLOGY.md."""


def entries() -> tuple[Entry, ...]:
    return msgspec.yaml.decode(FILE.read_bytes(), type=tuple[Entry, ...])


def explained(word: str) -> Entry:
    """The entry of a word, in any case. Raises HarnessError with the nearest words where there is none."""
    known = {name.casefold(): (name, entry) for entry in entries() for name in entry.words}
    wanted = " ".join(word.split()).casefold()
    if wanted in known:
        return known[wanted][1]
    near = [known[name][0] for name in difflib.get_close_matches(wanted, known, 3, 0.6)]
    said = f"did you mean {', '.join(near)}?" if near else "`harness explain` lists all words"
    raise HarnessError(f"{word!r} is not explained; {said}")
