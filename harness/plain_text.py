"""Text of suites, kernels and other people's runs in a form that is safe for a terminal: no control or direction
characters."""

from __future__ import annotations

import re
import unicodedata

REPLACED = "\ufffd"
_KEPT = "\n\t"
_OWN_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
"""The sequences in this program's colours and progress lines."""


def visible(text: str) -> str:
    """The text on the same lines, with each control, format, surrogate or private character replaced by U+FFFD. An
    escape sequence or a right-to-left mark could make a line show a false text."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(REPLACED if c not in _KEPT and _is_control(c) else c for c in text)


def on_terminal(text: str) -> str:
    """The same, except for this program's own colours and cursor movements."""
    parts, end = [], 0
    for own in _OWN_SEQUENCE.finditer(text):
        parts += [visible(text[end : own.start()]), own[0]]
        end = own.end()
    return "".join((*parts, visible(text[end:])))


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co")
