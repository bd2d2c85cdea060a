"""Parts of Markdown: escaped text, code spans and folds.

A name is a code span; all other user text is escaped. Neither can open a table cell, a tag, a link or a mention.
"""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[\\`*<|~&$]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])|^(?:[-+=>#]|\d+(?=[.)](?:\s|$)))")
"""Characters that start markup: an underscore only outside of a word, a bracket only if a link would follow."""

_LINKED = re.compile(
    r"(?<!\w)@(?=\w)|(?<=\w)@(?=[\w-]+\.\w)"  # a mention, a mail address
    r"|(?<=\w):(?=//)|\bwww(?=\.)|#(?=\d)|\bGH(?=-\d)",  # an address, an issue
    re.IGNORECASE,
)
"""Text that GitHub turns into a link by itself."""


def text(words: str) -> str:
    """Prose, escaped. A zero-width space breaks up text that GitHub would link (`@name`, `#1`, `GH-1`, an address)."""
    return _LINKED.sub("\\g<0>\u200b", _SPECIAL.sub(_escaped, words))


def _escaped(found: re.Match[str]) -> str:
    """Escape one match: a backslash before punctuation, a zero-width space after a number at the start, lest it opens a
    list."""
    return f"{found[0]}\u200b" if found[0].isdigit() else f"\\{found[0]}"


def code(name: str) -> str:
    """A name as a code span that no backtick or pipe in it can end."""
    fence = "`" * (max((len(run) for run in re.findall("`+", name)), default=0) + 1)
    pad = " " if name.startswith("`") or name.endswith("`") or fence != "`" else ""
    split = name.replace("\\|", "\\\u200b|")  # readers differ on whether the pipe of `\\|` ends a cell
    return f"{fence}{pad}{split}{pad}{fence}".replace("|", "\\|") if name else ""


def prose(paragraph: str) -> str:
    """Text in which `names` in backticks stay code."""
    parts = re.split(r"`([^`]+)`", paragraph)
    return "".join(code(part) if place % 2 else text(part) for place, part in enumerate(parts))


def folded(summary: str, body: str) -> str:
    """A block that opens on a click; its summary is plain words."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"
