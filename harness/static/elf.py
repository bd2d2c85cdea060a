"""Sections, notes and symbols of a 64-bit ELF file, the format of NVIDIA's and AMD's binaries."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

NOBITS = 8
SYMBOL_BYTES = 24
FUNCTION = 2


class Section(NamedTuple):
    """`size`: also set for a section without bytes in the file. `link`: number of the section that it refers to."""

    name: str
    kind: int
    size: int
    body: bytes
    link: int = 0


def read_sections(image: bytes) -> list[Section]:
    """The sections of an ELF file. Raises ValueError for any other file."""
    if image[:5] != b"\x7fELF\x02":
        raise ValueError("not a 64-bit ELF file")
    (offset,) = struct.unpack_from("<Q", image, 0x28)
    size, count, names = struct.unpack_from("<HHH", image, 0x3A)
    headers = [struct.unpack_from("<IIQQQQIIQQ", image, offset + i * size) for i in range(count)]
    strings = headers[names][4]
    return [
        Section(_string(image, strings + h[0]), h[1], h[5], b"" if h[1] == NOBITS else image[h[4] : h[4] + h[5]], h[6])
        for h in headers
    ]


def digest_of(sections: Iterable[Section]) -> str:
    """The sha256 over names, sizes and contents of these sections, in hex."""
    digest = hashlib.sha256()
    for section in sections:
        digest.update(f"{section.name} {section.size}\n".encode())
        digest.update(section.body)
    return digest.hexdigest()


def read_notes(body: bytes) -> Iterator[tuple[str, int, bytes]]:
    """(owner, type, description) of each note of a section; each part is aligned to four bytes."""
    at = 0
    while at + 12 <= len(body):
        owner, described, kind = struct.unpack_from("<III", body, at)
        start = at + 12 + (owner + 3) // 4 * 4
        yield body[at + 12 : at + 12 + owner].rstrip(b"\0").decode(), kind, body[start : start + described]
        at = start + (described + 3) // 4 * 4


def function_sizes(sections: list[Section], table: str = ".symtab") -> dict[str, int]:
    """Code bytes of each function in a symbol table, by function name."""
    found = {}
    for section in sections:
        if section.name != table:
            continue
        strings = sections[section.link].body
        for at in range(0, len(section.body) - SYMBOL_BYTES + 1, SYMBOL_BYTES):
            name, facts, _, _, _, size = struct.unpack_from("<IBBHQQ", section.body, at)
            if facts & 0xF == FUNCTION:
                found[_string(strings, name)] = size
    return found


def _string(image: bytes, at: int) -> str:
    return image[at : image.index(b"\0", at)].decode()
