"""Text of suites, kernels and other people's runs as a terminal may get it: no control or direction characters."""

from __future__ import annotations

import re
import unicodedata

REPLACED = "\ufffd"
_KEPT = "\n\t"
_OWN_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
"""What this program's colours and progress lines are made of."""


def visible(text: str) -> str:
    """The text on the same lines, each control, format, surrogate or private character replaced by U+FFFD: an escape
    sequence or a right-to-left mark could make a line say what it does not."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(REPLACED if c not in _KEPT and _is_control(c) else c for c in text)


def on_terminal(text: str) -> str:
    """The same, but for this program's own colours and cursor movements."""
    parts, end = [], 0
    for own in _OWN_SEQUENCE.finditer(text):
        parts += [visible(text[end : own.start()]), own[0]]
        end = own.end()
    return "".join((*parts, visible(text[end:])))


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co")
