"""What Markdown is made of: escaped text, code spans and folds.

A name is a code span, everything else that a user wrote is escaped: neither can open a table cell, a tag, a link or a
mention.
"""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[\\`*<|~&$]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])|^(?:[-+=>#]|\d+(?=[.)](?:\s|$)))")
"""What starts something else than text: not an underscore inside a word, a bracket only where a link would follow."""

_LINKED = re.compile(
    r"(?<!\w)@(?=\w)|(?<=\w)@(?=[\w-]+\.\w)"  # a mention, a mail address
    r"|(?<=\w):(?=//)|\bwww(?=\.)|#(?=\d)|\bGH(?=-\d)",  # an address, an issue
    re.IGNORECASE,
)
"""What GitHub makes a link of by itself."""


def text(words: str) -> str:
    """Prose, escaped; what GitHub would link (`@name`, `#1`, `GH-1`, an address) is parted by a zero-width space."""
    return _LINKED.sub("\\g<0>\u200b", _SPECIAL.sub(_escaped, words))


def _escaped(found: re.Match[str]) -> str:
    """A backslash goes before punctuation; a number at the start is kept from counting a list by a zero-width space."""
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
