"""Read the events of a damaged block one at a time: use intact ones, repair others where possible, count the rest.

Everything is read as latin-1, where a character is a byte, so every byte decodes and positions are offsets.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import msgspec

from harness.trace.event import NOTHING, Arguments, Event, Id, whole_number

KEY = r'"(?:ph|cat|name|pid|tid|ts|dur|args|id|s|bp)"\s*:'
EVENT_START = re.compile(rf"[,\[}}]\s*(\{{\s*{KEY})")
"""An event's first key after text that can stand before an event. A nested object stands after a colon."""
LIST_END = re.compile(r"\}\s*(\])")
PHASE = re.compile(r'"ph"\s*:\s*"')
SEPARATORS = re.compile(r"(?:\n[ \t]*(?:#|//)[^\n]*(?=\n)|[\s,}])*")
"""Separators, including comments on lines of their own, which people write into traces."""
NEXT_LIST = re.compile(r'"traceEvents"\s*:\s*\[|\]\s*\[(?=\s*\{)')
"""A second document after the first, as `cat` of two files makes it."""
RAW_LISTS = ("Input Dims", "Input type")
LISTS = ("call_stack", "Process Group Ranks")
LONGEST_EVENT = 1 << 20
"""Text longer than this that does not parse is damaged, not cut off by the end of the block."""

NUMBER_WORD = re.compile(r"(:\s*)[-+]?(?:inf|nan)(?:inity)?(?=\s*[,}\]])", re.IGNORECASE)
BAD_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?!u[0-9a-fA-F]{4}|[\"\\/bfnrt])")
NAME = re.compile(rf'("name"\s*:\s*")(.*?)("\s*,\s*{KEY})', re.DOTALL)
BARE_QUOTE = re.compile(r'(?<!\\)"')
ARGUMENTS = re.compile(r',\s*"args"\s*:')
ARGUMENT = re.compile(r'"(correlation|device|stream)"\s*:\s*(-?\d+)')

_decode = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=lambda _: None, strict=False).raw_decode


def read(buffer: bytes, final: bool, quality: Counter[str]) -> tuple[list[Event], int, bool]:
    """(events, bytes used, was the list closed) of a block that starts at an event. final: nothing follows the
    block."""
    text = buffer.decode("latin-1")
    found: list[Event] = []
    at = 0
    while True:
        at = _end(SEPARATORS, text, at)
        if at == len(text):
            return found, at, False
        if text[at] == "]":
            event = PHASE.search(text, at)
            if event is None:
                return found, at, final or len(text) - at >= LONGEST_EVENT
            more = NEXT_LIST.search(text, at, event.start())
            if more:
                quality["further_documents"] += 1
            at = more.end() if more else at + 1  # the end of a list in a damaged event: events follow
            continue
        try:
            value, after = _decode(text, at)
            if isinstance(value, dict):
                value = _as_utf8(text[at:after], value, quality)
        except (ValueError, RecursionError):
            if not final and len(text) - at < LONGEST_EVENT:
                return found, at, False
            after = _end_of_damage(text, at, final)
            value = _repaired(_utf8(text[at:after]), cut_off=after == len(text))
            quality["damaged_events" if value is None else "repaired_events"] += 1
        if isinstance(value, dict):
            found.append(_event(value))
        at = after


def _end_of_damage(text: str, at: int, final: bool) -> int:
    """Start of the next event; after the last one, the end of the list; otherwise the end of the text, and all is
    lost."""
    found = EVENT_START.search(text, at) or (LIST_END.search(text, at) if final else None)
    return found.start(1) if found else len(text)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _repaired(text: str, cut_off: bool) -> Any:
    """The event in a text with bare inf or nan, a Windows path, or a quote in its name; None where it is ambiguous.

    Damage in the arguments costs only those: time and name precede them. cut_off: no event follows, so the text may be
    half an event, whose duration would be half a number.
    """
    text = NUMBER_WORD.sub(r"\1null", text)
    text = BAD_ESCAPE.sub(r"\1\\\\", text)
    text = NAME.sub(lambda m: m[1] + BARE_QUOTE.sub(r"\\" + '"', m[2]) + m[3], text, count=1)
    value = _parsed(text)
    arguments = ARGUMENTS.search(text)
    if value is None and arguments and not cut_off:
        value = _parsed(text[: arguments.start()] + "}")
        if isinstance(value, dict):
            value["args"] = dict(ARGUMENT.findall(text, arguments.start()))
    return value if isinstance(value, dict) else None


def _parsed(text: str) -> Any:
    try:
        return _decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _utf8(text: str) -> str:
    return text.encode("latin-1").decode(errors="replace")


def _as_utf8(text: str, value: dict[str, Any], quality: Counter[str]) -> dict[str, Any]:
    """The event, decoded again from its bytes as UTF-8."""
    if text.isascii():
        return value
    utf8 = _utf8(text)
    if "\ufffd" in utf8:
        quality["undecodable_texts"] += 1
    again = _parsed(utf8)
    return again if isinstance(again, dict) else value


def _event(value: dict[str, Any]) -> Event:
    args = value.get("args")
    if isinstance(args, dict):
        args = Arguments(*(_value(name, args.get(name)) for name in Arguments.__struct_encode_fields__))
    return Event(
        ph=_text(value.get("ph")),
        cat=_text(value.get("cat")),
        name=_text(value.get("name")),
        ts=msgspec.Raw(_text(value.get("ts")).encode()),
        dur=msgspec.Raw(_text(value.get("dur")).encode()),
        pid=_id(value.get("pid")),
        tid=_id(value.get("tid")),
        args=args if isinstance(args, Arguments) else None,
        id=_id(value.get("id")),
    )


def _value(name: str, value: object) -> Any:
    if name in RAW_LISTS:
        return msgspec.Raw(json.dumps(value).encode()) if isinstance(value, list) else NOTHING
    return value if name in LISTS and isinstance(value, list) else _id(value)


def _id(value: object) -> Id:
    """The id as msgspec gives it, whole numbers as int, so that a row of a damaged block finds its launch in an intact
    one."""
    number = whole_number(value) if isinstance(value, str) else None
    return number if number is not None else value if isinstance(value, str) else None


def _text(value: object) -> str:
    """The value as a string that can be written out: half of a pair of `\\u` escapes cannot."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else ""
