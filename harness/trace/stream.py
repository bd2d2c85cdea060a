"""Events out of the text of a trace, one at a time, so that memory stays flat and damage costs only what it hits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

LIST_START = re.compile(r'"traceEvents"\s*:\s*\[|^\s*\[')
NEXT_EVENT = re.compile(r'\{\s*"(?:ph|name|cat|pid|ts)"\s*:')
SEPARATORS = " \t\r\n,"
LOOK_AHEAD = 1 << 16
"""No event is longer: with less text than this ahead and more to come, the buffer is filled up first."""

_decode = json.JSONDecoder(parse_float=str, strict=False).raw_decode
"""Numbers with a fraction stay text: nanoseconds are exact only as decimals. Control characters in names are let
through."""


def events(pieces: Iterator[str], quality: dict[str, int]) -> Iterator[dict[str, Any]]:
    """The objects of `traceEvents` (or of a bare list). `quality` counts what was skipped: damaged_events, unclosed."""
    buffer = _Buffer(pieces)
    if not buffer.skip_to(LIST_START):
        quality["no_events_list"] = 1
        return
    while True:
        buffer.skip_separators()
        if buffer.at_end():
            quality["unclosed"] = 1
            return
        if buffer.peek() == "]":
            return
        try:
            value, buffer.at = _decode(buffer.text, buffer.at)
        except ValueError:
            quality["damaged_events"] = quality.get("damaged_events", 0) + 1
            buffer.at += 1
            if not buffer.skip_to(NEXT_EVENT, keep=True):
                return
            continue
        if isinstance(value, dict):
            yield value


class _Buffer:
    """A window on the text that moves forward; `at` is where reading goes on."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces, self.text, self.at, self._ended = pieces, "", 0, False

    def _fill(self) -> bool:
        """More text ahead; False where there is no more."""
        piece = next(self._pieces, None)
        if piece is None:
            self._ended = True
            return False
        self.text, self.at = self.text[self.at :] + piece, 0
        return True

    def _ahead(self) -> None:
        while not self._ended and len(self.text) - self.at < LOOK_AHEAD:
            self._fill()

    def skip_to(self, pattern: re.Pattern[str], keep: bool = False) -> bool:
        """Moves behind (with `keep`, to the start of) the next match; False where there is none up to the end."""
        while True:
            self._ahead()
            found = pattern.search(self.text, self.at)
            if found:
                self.at = found.start() if keep else found.end()
                return True
            if self._ended:
                return False
            self.at = max(self.at, len(self.text) - 64)
            self._fill()

    def skip_separators(self) -> None:
        self._ahead()
        while self.at < len(self.text) and self.text[self.at] in SEPARATORS:
            self.at += 1

    def at_end(self) -> bool:
        return self._ended and self.at >= len(self.text)

    def peek(self) -> str:
        return self.text[self.at]
