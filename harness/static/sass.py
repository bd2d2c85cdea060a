"""Reads machine code as nvdisasm prints it: the hot loop, its loads and the spills."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.scratch import Scratch

LABEL = re.compile(r"^(\.L_x_\d+):")
INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)\s*(.*?)\s*;")
TARGET = re.compile(r"`\((\.L_x_\d+)\)")
GLOBAL_LOADS = ("LDG.", "LDGSTS.")
WIDTHS = {"U8": 1, "S8": 1, "U16": 2, "S16": 2, "64": 8, "128": 16, "256": 32}
"""Bytes that one thread moves, by the modifier of a load or store; 4 without one."""
PADDING = "NOP"


class Code(msgspec.Struct, frozen=True):
    """`instructions`: in the hot loop, or in the whole kernel where `loop` is false. `global_loads`: the global loads
    among them, by bytes per thread. `spill_bytes`: local loads and stores of the whole kernel, bytes per thread, each
    counted once.
    """

    instructions: int
    loop: bool
    global_loads: dict[int, int]
    spill_bytes: int

    @property
    def load_bytes(self) -> int | None:
        """Width of the most frequent load, in bytes; on a tie the wider."""
        return max(self.global_loads, key=lambda width: (self.global_loads[width], width), default=None)

    @property
    def widest_load_bytes(self) -> int | None:
        return max(self.global_loads, default=None)


def disassemble(cubin: bytes, nvdisasm: str) -> str:
    """The text of the code sections. Raises CalledProcessError where nvdisasm refuses the file."""
    with Scratch("sass") as folder:
        file = Path(folder, "kernel.cubin")
        file.write_bytes(cubin)
        command = [nvdisasm, "-c", "-ndf", str(file)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read_code(text: str) -> Code:
    """The `Code` of the hot loop, or of the whole kernel where it has no loop."""
    loop = hot_loop_text(text)
    hot = [opcode for opcode in _opcodes(loop) if opcode != PADDING]
    loads = Counter(_width(opcode) for opcode in hot if _is_global_load(opcode))
    spilt = sum(_width(opcode) for opcode in _opcodes(text) if opcode.split(".")[0] in ("LDL", "STL"))
    return Code(len(hot), loop is not text, dict(loads), spilt)


def hot_loop_text(text: str) -> str:
    """The lines of the longest loop with no loop inside it, from its label to its branch; the whole text where there is
    none.

    The branch to itself that ends every kernel is no loop.
    """
    rows = text.splitlines()
    labels: dict[str, int] = {}
    loops = []
    for number, row in enumerate(rows):
        if label := LABEL.match(row):
            labels[label[1]] = number
        elif (found := INSTRUCTION.match(row)) and found[1].startswith("BRA") and (target := TARGET.search(found[2])):
            start = labels.get(target[1], number)
            loops += [(start, number + 1)] if start < number - 1 else []
    hot = longest_innermost(loops)
    return "\n".join(rows[hot[0] : hot[1]]) if hot else text


def longest_innermost(loops: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The longest loop with no loop inside it. `loops`: (start, end) of each."""
    inner = [a for a in loops if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in loops)]
    return max(inner, key=lambda loop: loop[1] - loop[0], default=None)


def _opcodes(text: str) -> list[str]:
    return [found[1] for row in text.splitlines() if (found := INSTRUCTION.match(row))]


def _is_global_load(opcode: str) -> bool:
    return f"{opcode}.".startswith(GLOBAL_LOADS)


def _width(opcode: str) -> int:
    modifiers: Sequence[str] = opcode.split(".")[1:]
    return next((WIDTHS[modifier] for modifier in modifiers if modifier in WIDTHS), 4)
