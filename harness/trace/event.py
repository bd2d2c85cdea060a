"""One event of a trace, as far as its time matters, and its times as exact nanoseconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

Id = int | str | float | None
NOTHING = msgspec.Raw(b"")
MOST_DIGITS = 20
"""Most digits of a whole number: 19 hold every nanosecond of this era. `1e999000` would cost minutes to write out."""
BEYOND_NS = 10**30
LONGEST_NUMBER = 64
WHOLE = re.compile(r"(-?[0-9]+)(?:\.0*)?")
DIGITS = b"0123456789"
AS_ZEROS = bytes.maketrans(DIGITS, b"0" * 10)
DECIMALS = {f"{n:0{d}}".encode(): n * 10 ** (3 - d) for d in (1, 2, 3) for n in range(10**d)}
"""Decimals of a number of microseconds, as nanoseconds."""


class Arguments(msgspec.Struct, gc=False):
    """The arguments that are used: a GPU row's place and launch, and torch's description of a collective
    (`torch/csrc/profiler/util.h`). Nothing is assumed about their values."""

    correlation: Id = None
    device: Id = None
    stream: Id = None
    graph_node: Any = msgspec.field(default=None, name="graph node id")
    annotation: Any = None
    collective: Any = msgspec.field(default=None, name="Collective name")
    elements_in: Any = msgspec.field(default=None, name="In msg nelems")
    elements_out: Any = msgspec.field(default=None, name="Out msg nelems")
    dtype: Any = None
    group_size: Any = msgspec.field(default=None, name="Group size")
    group: Any = msgspec.field(default=None, name="Process Group Name")
    group_ranks: Any = msgspec.field(default=None, name="Process Group Ranks")
    sequence: Any = msgspec.field(default=None, name="Seq")
    source: Any = msgspec.field(default=None, name="Src Rank")
    destination: Any = msgspec.field(default=None, name="Dst Rank")
    shapes: msgspec.Raw = msgspec.field(default=NOTHING, name="Input Dims")
    dtypes: msgspec.Raw = msgspec.field(default=NOTHING, name="Input type")
    task_type: Any = msgspec.field(default=None, name="Task Type")
    """Set on a row of an Ascend NPU."""
    call_stack: Any = None
    """Set on a kernel in a trace of Proton."""


class Event(msgspec.Struct, gc=False):
    """ts and dur: the text of a number of microseconds, since a float keeps no nanoseconds of an epoch time."""

    ph: str | None = None
    cat: str | None = None
    name: str = ""
    ts: msgspec.Raw = NOTHING
    dur: msgspec.Raw = NOTHING
    pid: Id = None
    tid: Id = None
    args: Arguments | None = None
    id: Any = None
    """The id of a flow."""


def nanoseconds(microseconds: bytes) -> int:
    """`4515377606141.173` -> 4515377606141173, exactly; a part of a nanosecond is rounded half to even.

    Takes every form of a number that traces have: whole (to torch 2.3), with one to three decimals, in a string. A
    number that no time can have is BEYOND_NS, whatever it is. Raises ValueError where the text is no finite number.
    """
    whole, _, decimals = microseconds.partition(b".")
    if decimals in DECIMALS and whole.isdigit():
        try:
            return int(whole) * 1000 + DECIMALS[decimals]
        except ValueError:
            pass  # thousands of digits
    elif microseconds.isdigit():
        return int(microseconds) * 1000
    if len(microseconds) > LONGEST_NUMBER:
        raise ValueError(f"{microseconds[:LONGEST_NUMBER]!r}... is no time")
    try:
        value = Decimal(microseconds.decode("ascii").strip('"'))
    except (InvalidOperation, UnicodeDecodeError) as error:
        raise ValueError(f"{microseconds!r} is no time") from error
    if not value.is_finite():
        raise ValueError(f"{microseconds!r} is no time")
    if value.adjusted() > MOST_DIGITS:
        return -BEYOND_NS if value.is_signed() else BEYOND_NS
    return int((value * 1000).to_integral_value())


def all_nanoseconds(microseconds: Sequence[msgspec.Raw]) -> list[int | None]:
    """As `nanoseconds`, for many numbers; None for each that is no finite number. Numbers of one form are read as one
    text, in half the time or less: all with three decimals (torch), with one to three (Python's json), or with none."""
    text = b" ".join(microseconds) + b" "
    beside_digits, count = text.translate(None, DIGITS), len(microseconds)
    try:
        if beside_digits == b". " * count:
            if text.translate(AS_ZEROS).count(b".000 ") == count:
                return [*map(int, text.replace(b".", b"").split())]
            parts = text.replace(b" ", b".").split(b".")
            return [int(whole) * 1000 + DECIMALS[part] for whole, part in zip(parts[::2], parts[1::2], strict=False)]
        if beside_digits == b" " * count and len(numbers := text.split()) == count:
            return [int(number) * 1000 for number in numbers]
    except (ValueError, KeyError):
        pass  # thousands of digits, more than three decimals, nothing before the point
    return [_nanoseconds_or_none(number) for number in microseconds]


def _nanoseconds_or_none(microseconds: msgspec.Raw) -> int | None:
    try:
        return nanoseconds(bytes(microseconds))
    except ValueError:
        return None


def whole_number(value: object) -> int | None:
    """An id that is a whole number, in any notation: `7`, `7.0`, `"7"`; None for anything else."""
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and len(value) <= MOST_DIGITS and (found := WHOLE.fullmatch(value)):
        return int(found[1])
    return None
