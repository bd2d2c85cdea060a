"""Reads a cubin (an ELF file): a hash of the sections that run, registers and frame."""

from __future__ import annotations

import struct

import msgspec

from harness.static.elf import digest_of, read_sections

RUNS = (".text.", ".nv.info.", ".nv.constant", ".nv.shared.", ".nv.local.", ".nv.global")
"""Sections that decide a launch's behaviour. Debug sections (paths, line numbers, PTX text) stay out."""
REGCOUNT, FRAME_SIZE = 0x2F, 0x11
"""Attributes of `.nv.info` (`EIATTR_REGCOUNT`, `EIATTR_FRAME_SIZE` in cuobjdump's listing): symbol index, value."""
WITH_PAYLOAD = 4
"""Format of an attribute that is followed by its size; the other formats hold the value in the header."""


class Cubin(msgspec.Struct, frozen=True):
    """`sha256`: hash of the sections that run. `registers`: per thread. `stack_bytes`: local frame of a thread. `code`:
    the kernel's instructions.
    """

    sha256: str
    registers: int
    stack_bytes: int
    code: bytes


def read_cubin(image: bytes) -> Cubin:
    """Parse a cubin. Raises ValueError for any other file."""
    sections = read_sections(image)
    digest = digest_of(section for section in sections if section.name.startswith(RUNS))
    info = dict(_attributes(next((s.body for s in sections if s.name == ".nv.info"), b"")))
    if REGCOUNT not in info:
        raise ValueError("no register count in .nv.info: not a cubin of one kernel")
    code = max((s.body for s in sections if s.name.startswith(".text.")), key=len, default=b"")
    return Cubin(digest, info[REGCOUNT], info.get(FRAME_SIZE, 0), code)


def _attributes(body: bytes) -> list[tuple[int, int]]:
    """(attribute, largest value) of the attributes that give a value per symbol."""
    found: dict[int, int] = {}
    at = 0
    while at + 4 <= len(body):
        layout, attribute, value = struct.unpack_from("<BBH", body, at)
        at += 4
        if layout == WITH_PAYLOAD:
            if attribute in (REGCOUNT, FRAME_SIZE) and value >= 8:
                found[attribute] = max(found.get(attribute, 0), struct.unpack_from("<I", body, at + 4)[0])
            at += value
    return list(found.items())
