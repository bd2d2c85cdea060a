"""A cubin is read for what it runs: its hash, registers and frame; what is none is refused."""

from __future__ import annotations

import struct

import pytest

from harness.static.cubin import FRAME_SIZE, REGCOUNT, read_cubin

PROGBITS, STRTAB, NOBITS = 1, 3, 8
TEXT = bytes(range(64))


def attribute(number: int, symbol: int, value: int) -> bytes:
    """A value of `.nv.info` for one symbol."""
    return struct.pack("<BBHII", 4, number, 8, symbol, value)


INFO = attribute(REGCOUNT, 7, 40) + struct.pack("<BBH", 3, 0x1B, 255) + attribute(FRAME_SIZE, 7, 16)
"""40 registers and a frame of 16 bytes, with an attribute between them that holds its value in its header."""


def elf(*sections: tuple[str, int, bytes]) -> bytes:
    """A 64-bit ELF file: header, the sections' bytes, their names, their headers."""
    named = [*sections, (".shstrtab", STRTAB, b"")]
    names, at = b"\0", []
    for name, _, _ in named:
        at.append(len(names))
        names += name.encode() + b"\0"
    body, headers = b"", b""
    for (name, kind, data), name_at in zip(named, at, strict=True):
        data = names if name == ".shstrtab" else data
        headers += struct.pack("<IIQQQQIIQQ", name_at, kind, 0, 0, 64 + len(body), len(data), 0, 0, 1, 0)
        body += b"" if kind == NOBITS else data
    start = struct.pack("<QQQ", 0, 0, 64 + len(body)) + struct.pack(
        "<IHHHHHH", 0, 64, 0, 0, 64, len(named), len(at) - 1
    )
    return b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HHI", 2, 190, 1) + start + body + headers


def image(text: bytes = TEXT, info: bytes = INFO, debug: bytes = b"/home/a", shared: bytes = b"\0" * 32) -> bytes:
    return elf(
        (".text.kernel", PROGBITS, text), (".nv.info", PROGBITS, info), (".debug_line", PROGBITS, debug),
        (".nv.shared.kernel", NOBITS, shared),
    )  # fmt: skip


def test_registers_frame_and_instructions_are_those_of_the_kernel() -> None:
    found = read_cubin(image())
    assert (found.registers, found.stack_bytes, found.code) == (40, 16, TEXT)
    assert read_cubin(image(info=attribute(REGCOUNT, 7, 40))).stack_bytes == 0
    two = attribute(REGCOUNT, 7, 40) + attribute(REGCOUNT, 8, 24)
    assert read_cubin(image(info=two)).registers == 40, "of the kernel and what it calls, the most"


def test_the_hash_is_of_what_runs_and_of_nothing_else() -> None:
    """Another path in the debug sections is the same kernel; an instruction or the size of shared memory is not."""
    same = read_cubin(image()).sha256
    assert read_cubin(image(debug=b"/home/somebody/else")).sha256 == same
    assert read_cubin(image(text=TEXT[:-1] + b"\xff")).sha256 != same
    assert read_cubin(image(shared=b"\0" * 64)).sha256 != same, "it has a size and no bytes"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(b"", "not a 64-bit ELF"), (b"#!/bin/sh\n", "not a 64-bit ELF"), (image(info=b""), "no register count")],
)
def test_what_is_no_cubin_is_refused(wrong: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_cubin(wrong)
