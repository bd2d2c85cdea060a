"""What the JSON of a sweep says of a binary, with and without a GPU."""

from __future__ import annotations

from typing import Any

from harness.values.binary import Binary


def columns(binary: Binary | None) -> dict[str, Any]:
    """All None where there is none."""
    return {
        "binary": binary.sha256 if binary else None,
        "registers": binary.registers if binary else None,
        "spills": binary.spill_bytes if binary else None,
        "stack_bytes": binary.stack_bytes if binary else None,
        "shared_bytes": binary.shared_bytes if binary else None,
        "instructions_per_weight": binary.instructions_per_weight if binary else None,
        "load_bytes": binary.load_bytes if binary else None,
        "blocks_per_sm": binary.blocks_per_sm if binary else None,
    }
