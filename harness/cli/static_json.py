"""The JSON of a sweep that was compiled and not run: the keys of `sweep --json`, with nothing timed."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.cli.binary_json import columns
from harness.values.compiled import Compiled
from harness.values.static_sweep import StaticSweep

SCHEMA = 1


def static_sweep_as_json(found: StaticSweep) -> str:
    """Counts, toolchain and every configuration with what was read from its binaries. `identity` is equal for
    configurations that do the same work; null where that cannot be told."""
    document = {
        "schema": SCHEMA,
        "suite": found.suite,
        "compile_only": True,
        "target": found.target,
        "toolchain": found.toolchain,
        "sources": found.sources,
        "declared": found.declared,
        "distinct": found.distinct,
        "pruned": found.pruned,
        "failed": found.failed,
        "cached": found.cached,
        "timed": 0,
        "wall_s": found.wall_s,
        "gpu_busy_s": 0.0,
        "jobs": found.jobs,
        "limit_s": found.limit_s,
        "configurations": [_configuration(c) for c in found.configurations],
        "top": [],
    }
    return msgspec.json.encode(document).decode()


def _configuration(c: Compiled) -> dict[str, Any]:
    assert c.case.answer is not None
    return {
        "id": c.case.id,
        "op": c.case.op,
        "site": c.case.site,
        "variant": c.case.answer.variant,
        "dims": c.case.dims,
        "tunables": c.case.answer.tunables,
        "status": c.status.value,
        "reason": c.reason,
        "identity": c.identity,
        **columns(c.main),
        "estimate": None,
        "launches": [msgspec.to_builtins(launch) for launch in c.launches],
        "binaries": [msgspec.to_builtins(binary) for binary in c.binaries],
        "compile_s": c.compile_s,
        "stages_s": c.stages_s,
    }
