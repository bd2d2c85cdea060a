"""Cases for the static stage, made without a suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.values.case import Case, Implementation

PLANTED = Path(__file__).parent / "planted"
EXPERTS = {"tokens": 1, "experts": 256, "top_k": 8, "inter": 512, "hidden": 2048, "group": 128}


def case(op: str, variant: str, dims: dict[str, int], **tunables: Any) -> Case:
    return Case(
        "kernel", "sweep", "int4-g128/bfloat16", {}, op=op, site="main", dims=dims,
        answer=Implementation(variant, tunables),
        tunables_in_id=True,
    )  # fmt: skip


def add(variant: str = "./adds.py", **tunables: Any) -> Case:
    return case("residual_add", variant, {"tokens": 4, "hidden": 512}, **tunables)


def vecmat(op: str = "moe_gate_up", **tunables: Any) -> Case:
    return case(op, "triton_vecmat", EXPERTS, **tunables)
