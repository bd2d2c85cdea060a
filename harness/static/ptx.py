"""The trip count of a kernel's loop, read from its PTX where the bounds are constants."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

HEADER = re.compile(r"^(\$L__BB\d+_\d+):.*Inner Loop Header: Depth=1", re.M)
BRANCH = re.compile(r"^\s*@(!?)(%p\d+)\s+bra(?:\.uni)?\s+(\$L__BB\d+_\d+);")
WRITES = re.compile(r"^\s*(?:@!?%p\d+\s+)?[a-z][\w.]*\s+(%\w+),")
STEP = re.compile(r"^\s*(mov|add|sub|shl)\.\w+\s+(%\w+),\s*([%\w-]+)(?:,\s*([%\w-]+))?;")
COMPARE = re.compile(r"^\s*setp\.(lt|le|gt|ge|ne|eq)\.([usb])(\d+)\s+(%p\d+),\s*([%\w-]+),\s*([%\w-]+);")
GLOBAL_LOAD = re.compile(r"\b(?:ld\.global[\w.:]*|cp\.async\.c[ag][\w.]*)\s.*?(\[.*?\])(?:.*?(\[.*?\]))?")
LIMIT = 1 << 18
"""A loop with more iterations than this is not followed."""

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "mov": lambda value, _: value, "add": operator.add, "sub": operator.sub, "shl": operator.lshift,
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "ne": operator.ne, "eq": operator.eq,
}  # fmt: skip

Values = dict[str, int]


class Loop(NamedTuple):
    """The kernel's longest innermost loop.

    `trips`: iterations, None where that is not a constant or the loop lies in another loop. `global_loads`: load
    instructions in its body, with those of one address counted once. Triton writes a load per element, and ptxas merges
    the equal ones.
    """

    trips: int | None
    global_loads: int


class Step(NamedTuple):
    """result = operation(left, right); operands are registers or numbers. `bits`: width of an unsigned comparison, else
    0.
    """

    operation: str
    result: str
    left: str
    right: str
    bits: int = 0


class _NotFollowed(Exception):
    """The loop counter depends on an operation that this module does not compute."""


def hot_loop(ptx: str) -> Loop | None:
    """The hot loop, or None for a kernel without a loop."""
    if "Loop Header" not in ptx:
        return None
    lines = ptx.splitlines()
    starts = {found[1]: ptx.count("\n", 0, found.start()) for found in HEADER.finditer(ptx)}
    ends = {found[3]: i for i, line in enumerate(lines) if (found := BRANCH.match(line)) and found[3] in starts}
    if not ends:
        return Loop(None, 0)
    name = max(ends, key=lambda label: ends[label] - starts[label])
    before, body, branch = lines[: starts[name]], lines[starts[name] + 1 : ends[name]], BRANCH.match(lines[ends[name]])
    assert branch is not None
    loads = {found.groups() for line in body if (found := GLOBAL_LOAD.search(line))}
    try:
        trips = _trips(before, body, branch[2], branch[1] == "!")
    except _NotFollowed:
        trips = None
    return Loop(trips, len(loads))


def _trips(before: Sequence[str], body: Sequence[str], guard: str, inverted: bool) -> int | None:
    """Compute the values that decide the guard, and nothing else, from their constant start until the guard ends the
    loop.
    """
    needed, known = {guard}, 0
    while known != len(needed):
        known = len(needed)
        steps = [_step(line) for line in body if _writes(line) in needed]
        needed |= {name for step in steps for name in (step.left, step.right) if name.startswith("%")}
    values: Values = {}
    for line in before:
        values.pop(_writes(line) or "", None)
        if STEP.match(line):
            _take([_step(line)], values, missing_ok=True)
    for trips in range(1, LIMIT):
        _take(steps, values)
        if bool(values.get(guard, inverted)) == inverted:
            return trips
    return None


def _writes(line: str) -> str | None:
    found = WRITES.match(line)
    return found[1] if found else None


def _step(line: str) -> Step:
    if found := STEP.match(line):
        return Step(found[1], found[2], found[3], found[4] or "0")
    if found := COMPARE.match(line):
        return Step(found[1], found[4], found[5], found[6], 0 if found[2] == "s" else int(found[3]))
    raise _NotFollowed(line)


def _take(steps: Sequence[Step], values: Values, missing_ok: bool = False) -> None:
    for step in steps:
        left, right = _operand(step.left, values), _operand(step.right, values)
        if left is None or right is None:
            if missing_ok:
                continue
            raise _NotFollowed(step)
        if step.bits:
            left, right = left % (1 << step.bits), right % (1 << step.bits)
        values[step.result] = int(OPERATIONS[step.operation](left, right))


def _operand(text: str, values: Values) -> int | None:
    if text.startswith("%"):
        return values.get(text)
    try:
        return int(text, 0)
    except ValueError:  # a symbol or a float's bits
        return None
