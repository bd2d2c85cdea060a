"""Breakdowns of traces: the time of each part. All times are integer nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.trace.difference import Change, Difference
from harness.values.profile import DeviceRow, KernelRow, Profile

from .encoding import extended, of, several, struct, text

Rows = tuple[KernelRow, ...]
_DEVICE = extended("DeviceFacts", DeviceRow, "idle_ns", "utilisation")
Breakdown = extended(
    "Breakdown", Profile, "idle_ns", "contradicted_ns",
    without=("arm", "engine", "axes"), trace=str, sites=Rows, devices=several(_DEVICE),
)  # fmt: skip
"""`breakdown TRACE`: a profile. `kernels`: by name and category. `sites`: the same by scope of our own decode."""
_CHANGE = extended("ChangeFacts", Change, "delta_ns", "calls_ns", "each_ns")
_TABLES = ("categories", "kernels", "ops", "scopes")
_DIFFERENCE = extended("DifferenceFacts", Difference, "delta_ns", **dict.fromkeys(_TABLES, several(_CHANGE)))
TwoBreakdowns = struct("TwoBreakdowns", base=Breakdown, head=Breakdown, difference=_DIFFERENCE)
Breakdowns = struct("Breakdowns", traces=several(Breakdown))


def breakdown_text(traces: Sequence[str], profiles: Sequence[Profile], changed: Difference | None = None) -> str:
    """One trace: its breakdown. Two: both, as `base` and `head`, and their `difference`. More: a list."""
    found = [breakdown_of(trace, profile) for trace, profile in zip(traces, profiles, strict=True)]
    if changed is not None:
        rows = {name: tuple(of(_CHANGE, row) for row in getattr(changed, name)) for name in _TABLES}
        return text(TwoBreakdowns(base=found[0], head=found[1], difference=of(_DIFFERENCE, changed, **rows)))
    return text(found[0] if len(found) == 1 else Breakdowns(traces=tuple(found)))


def breakdown_of(trace: str, profile: Profile) -> Any:
    """The document of one trace."""
    merged: dict[tuple[str, str], KernelRow] = {}
    for row in profile.kernels:
        have = merged.get((row.name, row.category), KernelRow(row.name, row.category, 0, 0, row.op))
        total = KernelRow(have.name, have.category, have.calls + row.calls, have.total_ns + row.total_ns, have.op)
        merged[row.name, row.category] = total
    kernels = tuple(sorted(merged.values(), key=lambda row: (-row.total_ns, row.name)))
    sites = tuple(row for row in profile.kernels if row.scope)
    devices = tuple(of(_DEVICE, row) for row in profile.devices)
    return of(Breakdown, profile, trace=trace, kernels=kernels, sites=sites, devices=devices)
