"""Reads AMD's assembly as LLVM prints it: the hot loop, its loads and the spills."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from harness.static.sass import Code, longest_innermost

LABEL = re.compile(r"^(\.?\w+):")
INSTRUCTION = re.compile(r"^\t([a-z]\w+)\s*([^;]*)")
BRANCH = re.compile(r"s_c?branch")
GLOBAL_LOAD = re.compile(r"(global|buffer|flat)_load_")
ACCESS = re.compile(r"\w+?_(?:load|store)_(?:lds_)?(\w+)")
SPILL = re.compile(r"Folded (?:Spill|Reload)")
WIDTHS = {
    "ubyte": 1, "sbyte": 1, "byte": 1, "u8": 1, "i8": 1, "b8": 1,
    "ushort": 2, "sshort": 2, "short": 2, "u16": 2, "i16": 2, "b16": 2,
    "dword": 4, "b32": 4, "dwordx2": 8, "b64": 8, "dwordx3": 12, "b96": 12, "dwordx4": 16, "b128": 16,
}  # fmt: skip
"""Bytes that one lane moves; `d16` before a width names the half of a register that takes it."""
PADDING = ("s_nop", "s_code_end")


class Row(NamedTuple):
    opcode: str
    operands: str
    comment: str


def read_amdgcn(text: str) -> Code:
    """Read the hot loop (the longest loop with no loop inside it), or the whole kernel where it has no loop."""
    rows, loops = _rows(text)
    hot = longest_innermost(loops)
    inside = [row for row in (rows[hot[0] : hot[1]] if hot else rows) if row.opcode not in PADDING]
    loads = Counter(width_of(row.opcode) for row in inside if GLOBAL_LOAD.match(row.opcode) and not _spills(row))
    return Code(len(inside), hot is not None, dict(loads), sum(width_of(row.opcode) for row in rows if _spills(row)))


def hot_loop_lines(text: str) -> str:
    """The instructions of the hot loop, or all where there is no loop."""
    rows, loops = _rows(text)
    hot = longest_innermost(loops)
    return "\n".join(f"\t{row.opcode} {row.operands}".rstrip() for row in (rows[hot[0] : hot[1]] if hot else rows))


def width_of(opcode: str) -> int:
    """Bytes that one lane moves in a load or store; 4 where the opcode names no width."""
    found = ACCESS.match(opcode)
    words = found[1].split("_") if found else []
    return next((WIDTHS[word] for word in words if word in WIDTHS), 4)


def _spills(row: Row) -> bool:
    """Whether the row accesses scratch. Scratch that a kernel addresses itself (an indexed array) counts too, as
    NVIDIA's local memory does.
    """
    return row.opcode.startswith("scratch_") or (bool(SPILL.search(row.comment)) and bool(ACCESS.match(row.opcode)))


def _rows(text: str) -> tuple[list[Row], list[tuple[int, int]]]:
    """Return the instructions, and each loop as (number of its first instruction, number after its branch)."""
    rows: list[Row] = []
    labels: dict[str, int] = {}
    loops = []
    for line in _code(text):
        if label := LABEL.match(line):
            labels[label[1]] = len(rows)
        elif found := INSTRUCTION.match(line):
            rows.append(Row(found[1], found[2].strip(), line.partition(";")[2]))
            if BRANCH.match(found[1]) and (start := labels.get(rows[-1].operands)) is not None:
                loops.append((start, len(rows)))
    return rows, loops


def _code(text: str) -> Iterator[str]:
    """Lines of the code section; the sections after it (debug sections) hold no instructions."""
    inside = False
    for line in text.splitlines():
        if line.startswith(("\t.text", "\t.section")):
            inside = line.startswith(("\t.text", "\t.section\t.text"))
        elif inside:
            yield line
