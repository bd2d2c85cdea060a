"""A breakdown as the JSON that scripts rely on: integer nanoseconds, versioned, more keys may be added beside these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.trace.difference import Change, Difference
from harness.values.profile import KernelRow, Profile

SCHEMA = 1


def document(traces: Sequence[Path], profiles: Sequence[Profile], changed: Difference | None = None) -> str:
    """One trace: its breakdown. Two: both, as `base` and `head`, and their `difference`. More: a list under
    `traces`."""
    found = [
        {"trace": str(trace), **breakdown_as_json(profile)} for trace, profile in zip(traces, profiles, strict=True)
    ]
    if changed is not None:
        content: dict[str, Any] = {"base": found[0], "head": found[1], "difference": _difference(changed)}
    else:
        content = found[0] if len(found) == 1 else {"traces": found}
    return msgspec.json.encode({"schema": SCHEMA, **content}).decode()


def breakdown_as_json(profile: Profile) -> dict[str, Any]:
    """The fields of a profile; `kernels` by name and category, `sites` the same by scope of our own decode."""
    content = {
        name: getattr(profile, name) for name in profile.__struct_fields__ if name not in ("arm", "engine", "axes")
    }
    return {
        **content,
        "idle_ns": profile.idle_ns,
        "kernels": _by_name(profile.kernels),
        "sites": _sites(profile.kernels),
    }


def _by_name(rows: Sequence[KernelRow]) -> list[dict[str, Any]]:
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        entry = merged.setdefault(
            (row.name, row.category),
            {"name": row.name, "category": row.category, "calls": 0, "total_ns": 0, "op": row.op},
        )
        entry["calls"] += row.calls
        entry["total_ns"] += row.total_ns
    return sorted(merged.values(), key=lambda entry: (-entry["total_ns"], entry["name"]))


def _sites(rows: Sequence[KernelRow]) -> list[KernelRow]:
    return [row for row in rows if row.scope]


def _difference(changed: Difference) -> dict[str, Any]:
    return {
        "base_ns": changed.base_ns,
        "head_ns": changed.head_ns,
        "delta_ns": changed.delta_ns,
        "categories": [_change(change) for change in changed.categories],
        "kernels": [_change(change) for change in changed.kernels],
    }


def _change(change: Change) -> dict[str, Any]:
    derived = {"delta_ns": change.delta_ns, "calls_ns": change.calls_ns, "each_ns": change.each_ns}
    return {**msgspec.to_builtins(change), **derived}
