"""Machine code without a disassembler: decodes the part of the 128-bit instructions of sm_80 to sm_90 that `Code`
needs.

`nvdisasm` takes a quarter of a second to start; for most of hundreds of binaries that is as long as compiling them.
NVIDIA does not document the encoding: a test compares the part used here with nvdisasm's text. Blackwell encodes
asynchronous copies in another way and is left to nvdisasm.
"""

from __future__ import annotations

import struct
from collections import Counter

from harness.static.sass import Code, longest_innermost

ARCHITECTURES = range(80, 100)
"""Compute capabilities whose code this module reads."""
BYTES = 16
LDG, LDGSTS, LDL, STL, BRA, NOP = 0x181, 0x1AE, 0x183, 0x187, 0x147, 0x118
"""The low nine bits of an instruction; the three above encode the source of its operands."""
WIDTHS = (1, 1, 2, 2, 4, 8, 16, 4)
"""Bytes that a thread moves, by bits 73 to 75 of a load or store: u8, s8, u16, s16, 32, 64, 128."""


def read_encoded(text: bytes, capability: int) -> Code:
    """The same `Code` as `sass.read_code` returns. `text`: the section `.text.<kernel>` of a cubin."""
    words = list(struct.iter_unpack("<QQ", text[: len(text) // BYTES * BYTES]))
    opcodes = [low & 0x1FF for low, _ in words]
    loops = [
        (at + 1 + distance // BYTES, at + 1)
        for at, (low, high) in enumerate(words)
        if opcodes[at] == BRA and (distance := _distance(low, high, capability)) < -BYTES
    ]
    start, stop = longest_innermost(loops) or (0, len(words))
    hot = [at for at in range(start, stop) if opcodes[at] != NOP]
    loads = Counter(_width(words[at][1]) for at in hot if opcodes[at] in (LDG, LDGSTS))
    spilt = sum(_width(high) for opcode, (_, high) in zip(opcodes, words, strict=True) if opcode in (LDL, STL))
    return Code(len(hot), bool(loops), dict(loads), spilt)


def _distance(low: int, high: int, capability: int) -> int:
    """Distance from the next instruction to a branch's target, in units of four bytes: bits 34 to 81, signed. From
    sm_90 on the field has bits 16 to 23 below them.
    """
    value = (low >> 34) | (high & 0x3FFFF) << 30
    value -= (value >> 47) << 48
    return 4 * (value if capability < 90 else value << 8 | (low >> 16 & 0xFF))


def _width(high: int) -> int:
    return WIDTHS[high >> 9 & 7]
