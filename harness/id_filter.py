"""The filter `-k`, which selects ids."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase

from harness.errors import HarnessError


def matches(text: str, identifier: str) -> bool:
    """Whether one of the comma-separated parts is in the id. A part with `*`, `?` or `[` must match the whole id. Case
    does not count."""
    lowered = identifier.lower()
    parts = [part.strip().lower() for part in text.split(",")]
    return any(fnmatchcase(lowered, p) if set(p) & set("*?[") else p in lowered for p in parts if p)


def select(text: str | None, identifiers: Sequence[str], option: str = "-k") -> list[str]:
    """The ids that the filter selects, in their order; all without a filter. Raises HarnessError if it selects none."""
    if not text:
        return list(identifiers)
    found = [identifier for identifier in identifiers if matches(text, identifier)]
    if not found:
        raise HarnessError(f"{option} {text}: no id contains this; {_near(text, identifiers)}")
    return found


def _near(text: str, identifiers: Sequence[str]) -> str:
    """Ids with a part that resembles the filter, else the first few."""
    by_part = {part: identifier for identifier in reversed(identifiers) for part in _parts(identifier)}
    wanted = [part.strip().lower() for part in text.split(",") if part.strip()]
    close = [part for word in wanted for part in difflib.get_close_matches(word, by_part, n=2, cutoff=0.6)]
    near = list(dict.fromkeys(by_part[part] for part in close)) or list(identifiers[:3])
    more = f", ... ({len(identifiers)} in all)" if len(near) < len(identifiers) else ""
    return f"near: {', '.join(near)}{more}" if identifiers else "there are no ids"


def _parts(identifier: str) -> list[str]:
    return [part for piece in identifier.lower().split("/") for part in {piece, *piece.split("@")}]


def exactly(identifier: str) -> str:
    """A filter that selects this id and none that contains it."""
    rest = "".join("?" if character in ",*?[]" else character for character in identifier[1:])
    return f"[{identifier[:1]}]{rest}"
