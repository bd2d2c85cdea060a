"""One event of a trace, as far as time is taken from it, and its times as exact nanoseconds."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

Id = int | str | float | None
NOTHING = msgspec.Raw(b"")


class Arguments(msgspec.Struct, gc=False):
    correlation: Id = None
    device: Id = None
    stream: Id = None


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


def nanoseconds(microseconds: bytes) -> int:
    """`4515377606141.173` -> 4515377606141173, exactly; a part of a nanosecond is rounded half to even.

    Takes every form of a number that traces have: whole (to torch 2.3), with one to three decimals, in a string.
    Raises ValueError for what is no finite number.
    """
    if microseconds[-4:-3] == b".":
        try:
            return int(microseconds[:-4] + microseconds[-3:])
        except ValueError:
            pass  # `1.5e3` and what is no number
    elif microseconds.isdigit():
        return int(microseconds) * 1000
    try:
        return int((Decimal(microseconds.decode("ascii").strip('"')) * 1000).to_integral_value())
    except (InvalidOperation, OverflowError, ValueError) as error:
        raise ValueError(f"{microseconds!r} is no time") from error
