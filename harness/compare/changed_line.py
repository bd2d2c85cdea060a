"""The first line of a source text whose code differs from another's: comments, docstrings and layout are no code."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator, Mapping

LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.TYPE_COMMENT}
STARTS = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def first_changed_line(base: str, head: str) -> int | None:
    """The line in head, counted from 1; None where the code is the same. Text that is no valid Python is compared by
    lines."""
    ours, theirs = (list(_code(text)) for text in (base, head))
    last = max(len(head.splitlines()), 1)
    for place, (word, line) in enumerate(theirs):
        if place >= len(ours) or ours[place][0] != word:
            return line
    return last if len(ours) > len(theirs) else None


def first_changed_place(base: Mapping[str, str], head: Mapping[str, str]) -> str:
    """`triton_vecmat.py:61` for the first file, in head's order, whose code differs; empty where all are the same.
    base, head: texts by file name."""
    for name, text in head.items():
        line = first_changed_line(base.get(name, ""), text)
        if line is not None:
            return f"{name}:{line}"
    gone = [name for name in base if name not in head]
    return f"{gone[0]} (gone)" if gone else ""


def _code(text: str) -> Iterator[tuple[str, int]]:
    """Every word of the code with its line."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        yield from ((line, number) for number, line in enumerate(text.splitlines(), 1) if line.strip())
        return
    kept = [token for token in tokens if token.type not in LAYOUT and token.type != tokenize.ENDMARKER]
    for place, token in enumerate(kept):
        starts = place == 0 or kept[place - 1].type in STARTS
        ends = place + 1 == len(kept) or kept[place + 1].type == tokenize.NEWLINE
        if token.type == tokenize.STRING and starts and ends:  # a docstring
            continue
        word = {tokenize.INDENT: "\t>", tokenize.DEDENT: "\t<", tokenize.NEWLINE: "\n"}.get(token.type, token.string)
        yield word, token.start[0]
