"""The records of compute-sanitizer's XML (`--xml --save FILE`) as access errors, those of one source line merged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec

from harness.values.sanitizer import AccessError

HOST = "hostStack"
"""The stack of the host at the faulty launch: frames of Python and the driver."""


def access_errors(tool: str, file: Path) -> tuple[AccessError, ...]:
    """Return the access errors in a file, those of one line merged.

    Each record has `kind`, `level`, `what` (text, size, address), `where` (func, path, line), `who` (threadIdx,
    blockIdx); a race has a source and destinations. Raises ValueError for a file that is no such document.
    """
    try:
        root = ElementTree.parse(file).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ValueError(f"no XML of compute-sanitizer: {error}") from error
    found: dict[tuple[str, str, str, int, int], AccessError] = {}
    for record in root.iter("record"):
        seen = _error(tool, record)
        key = seen.kind, seen.kernel, seen.file, seen.line, seen.other_line
        before = found[key].count if key in found else 0
        found[key] = msgspec.structs.replace(found.get(key, seen), count=before + seen.count)
    return tuple(found.values())


def _error(tool: str, record: Element) -> AccessError:
    places = list(_places(record))
    first = places[0] if places else None
    others = [int(_text(place, "line") or 0) for place in places[1:]]
    address = _text(record, "what/accessAddress") or _text(record, "what/address")
    return AccessError(
        tool, _kind(record), _text(first, "func"), _text(first, "path") or _text(first, "file"),
        int(_text(first, "line") or 0), max(1, _whole(record, "count")), place=f"at {address}" if address else "",
        other_line=next((line for line in others if line), 0), example=_example(record),
    )  # fmt: skip


def _places(element: Element) -> Iterator[Element]:
    """Every part of a record that names a device function, in order."""
    for part in element:
        if part.tag == HOST:
            continue
        if part.find("func") is not None:
            yield part
        else:
            yield from _places(part)


def _kind(record: Element) -> str:
    return _text(record, "what/text") or _text(record, "text") or _text(record, "kind") or "an error without a text"


def _example(record: Element) -> str:
    words = [_index(record, "threadIdx", "thread"), _index(record, "blockIdx", "block")]
    return ", ".join(word for word in words if word)


def _index(record: Element, tag: str, word: str) -> str:
    found = next(record.iter(tag), None)
    return f"{word} {','.join(_text(found, axis) or '0' for axis in 'xyz')}" if found is not None else ""


def _text(element: Element | None, path: str) -> str:
    return (element.findtext(path) or "").strip() if element is not None else ""


def _whole(record: Element, tag: str) -> int:
    text = next((part.text or "" for part in record.iter(tag)), "")
    return int(text) if text.strip().isdigit() else 0
