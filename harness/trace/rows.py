"""The rows of a trace that time is taken from, chosen by `cat` alone, with exact times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

KINDS = {
    "kernel": "kernel",
    "Kernel": "kernel",
    "gpu_memcpy": "copy",
    "Memcpy": "copy",
    "gpu_memset": "memset",
    "Memset": "memset",
}
LAUNCHES = {"cuda_runtime", "cuda_driver", "Runtime", "hip_runtime", "xpu_runtime", "mtia_runtime"}
OPS = {"cpu_op", "Operator"}
SCOPES = {"user_annotation"}


@dataclass(slots=True)
class GpuRow:
    """A kernel, copy or memset. Times in integer nanoseconds."""

    kind: str
    name: str
    start_ns: int
    duration_ns: int
    device: str
    stream: str
    correlation: int | None
    op: str = ""
    scope: str = ""


@dataclass(slots=True)
class HostRow:
    """An op or a scope on a thread."""

    name: str
    start_ns: int
    end_ns: int
    is_scope: bool


@dataclass
class Rows:
    """gpu: in file order. threads: ops and scopes by (pid, tid). launches: (pid, tid) and time by correlation. names:
    every name is kept once, however often it occurs."""

    gpu: list[GpuRow] = field(default_factory=list)
    threads: dict[tuple[str, str], list[HostRow]] = field(default_factory=dict)
    launches: dict[int, tuple[tuple[str, str], int]] = field(default_factory=dict)


def collect(events: Iterable[dict[str, Any]], quality: dict[str, int]) -> Rows:
    """Sorts events into rows; an event without usable times is counted in `quality` and left out."""
    rows = Rows()
    names: dict[str, str] = {}
    for event in events:
        cat = event.get("cat")
        if event.get("ph") != "X" or not isinstance(cat, str):
            continue
        kind = KINDS.get(cat)
        if kind is None and cat not in LAUNCHES and cat not in OPS and cat not in SCOPES:
            continue
        try:
            start_ns, duration_ns = nanoseconds(event["ts"]), nanoseconds(event["dur"])
        except (KeyError, ValueError, TypeError):
            quality["events_without_time"] = quality.get("events_without_time", 0) + 1
            continue
        if duration_ns < 0:
            quality["negative_durations"] = quality.get("negative_durations", 0) + 1
            continue
        args = event.get("args")
        args = args if isinstance(args, dict) else {}
        name = names.setdefault(str(event.get("name", "")), str(event.get("name", "")))
        if kind is not None:
            device, stream = (
                str(args.get("device", event.get("pid", ""))),
                str(args.get("stream", event.get("tid", ""))),
            )
            rows.gpu.append(GpuRow(kind, name, start_ns, duration_ns, device, stream, _correlation(args)))
        elif cat in LAUNCHES:
            correlation = _correlation(args)
            if correlation is not None:
                rows.launches[correlation] = (_thread(event), start_ns)
        else:
            row = HostRow(name, start_ns, start_ns + duration_ns, cat in SCOPES)
            rows.threads.setdefault(_thread(event), []).append(row)
    return rows


def nanoseconds(value: Any) -> int:
    """A time in microseconds, as a number or as the text of one, to integer nanoseconds without rounding a third digit.

    Raises ValueError or TypeError for what is no finite number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value * 1000
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no time")
    whole, point, fraction = value.partition(".")
    if not (point and fraction.isdigit() and whole.lstrip("-").isdigit()):
        from decimal import Decimal, InvalidOperation

        try:
            return int((Decimal(value) * 1000).to_integral_value())
        except (InvalidOperation, OverflowError, ValueError) as error:
            raise ValueError(f"{value!r} is no time") from error
    below = int((fraction + "000")[:3]) + (fraction[3:4] >= "5")
    return int(whole) * 1000 + (-below if whole.startswith("-") else below)


def _thread(event: dict[str, Any]) -> tuple[str, str]:
    return str(event.get("pid")), str(event.get("tid"))


def _correlation(args: dict[str, Any]) -> int | None:
    value = args.get("correlation")
    return value if isinstance(value, int) else None
