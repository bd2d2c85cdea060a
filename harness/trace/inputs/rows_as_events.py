"""Rows of other profilers, whose times are whole nanoseconds, as events."""

from __future__ import annotations

import msgspec

from harness.trace.event import Arguments, Event, Id


def gpu_row(cat: str, name: str, start_ns: int, end_ns: int, correlation: Id, device: Id, stream: Id) -> Event:
    """A GPU row as an event. cat: kernel, gpu_memcpy or gpu_memset."""
    args = Arguments(correlation=correlation, device=device, stream=stream)
    return Event("X", cat, name, us(start_ns), us(end_ns - start_ns), device, stream, args)


def host_row(cat: str, name: str, start_ns: int, end_ns: int, process: Id, thread: Id, correlation: Id = None) -> Event:
    """A host row as an event. cat: cuda_runtime, cpu_op or user_annotation."""
    args = Arguments(correlation=correlation) if correlation is not None else None
    return Event("X", cat, name, us(start_ns), us(end_ns - start_ns), process, thread, args)


def us(ns: int) -> msgspec.Raw:
    """1234567 -> `1234.567`"""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    return msgspec.Raw(f"{sign}{ns // 1000}.{ns % 1000:03d}".encode())
