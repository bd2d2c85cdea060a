"""Every kernel of this folder, checked and watched in Triton's interpreter: what both say of it, as one JSON object.

`TRITON_INTERPRET=1 python -m tests.races.drive`: the variable has to be set before Triton is imported. Without it, on a
GPU: `check` checks each there, `call` calls each once, for a tool that looks on.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import torch

from harness import kernels_root
from harness.load_kernels import load_op, load_variant
from harness.measure.expected import Expected
from harness.measure.operand_sets import arguments, make_operands
from harness.measure.verify import verify_variant
from harness.values.case import Case, Implementation
from tests.conftest import REPOSITORY
from tests.races.planted import PLANTED, declared, dims_of


class Planted:
    """A kernel of this folder with operands for one call."""

    def __init__(self, name: str, device: str) -> None:
        self.says = declared(PLANTED[name])
        self.op = load_op(self.says["OP"])
        self.variant = load_variant(self.op.name, str(PLANTED[name]), REPOSITORY)
        self.case = Case(
            "kernel",
            name,
            "float32",
            {},
            op=self.op.name,
            site="test",
            dims=dims_of(self.says),
            answer=Implementation(name),
        )
        self.device = device
        self.operands = make_operands(self.op, self.case, torch.float32, device, 0, "uniform")

    def checked(self) -> dict[str, Any]:
        found = verify_variant(self.op, self.variant, self.case, torch.float32, self.device, 0, stress_s=0)
        return {"correct": found.correct, "kind": found.kind, "words": f"{found.region}; {found.detail}"}

    def watched(self) -> dict[str, Any]:
        return {"errors": Expected(self.op, self.case, self.operands).accesses(self.variant, {})}

    def called(self) -> dict[str, Any]:
        self.variant.run(*arguments(self.op, self.operands))
        torch.cuda.synchronize()
        return {}


OWN = (
    ("route", "triton_last"), ("causal_conv", "triton_prefill"), ("sdpa", "triton_split_k"),
    ("gated_rms_norm", "triton_rows"), ("moe_down", "triton_sorted"), ("moe_gate_up", "triton_sorted"),
)  # fmt: skip
"""Kernels of ours with counters, halos, tails, scratch memory and indirection, which do none of this."""


def own(op_name: str, name: str) -> dict[str, Any]:
    op, variant = load_op(op_name), load_variant(op_name, name, REPOSITORY)
    case = Case("kernel", name, "float32", {}, op=op.name, site="test", dims=dict(op.test_shapes[0]))
    raw = make_operands(op, case, torch.float32, "cpu", 0, "uniform")
    return {"errors": Expected(op, case, raw).accesses(variant, {})}


def main(doing: str = "watch") -> None:
    kernels_root.bind(REPOSITORY / "kernels")
    on_gpu = doing in ("check", "call")
    names = [name for name, file in PLANTED.items() if on_gpu or not declared(file).get("GPU_ONLY")]
    found = {}
    for name in names:
        planted = Planted(name, "cuda" if on_gpu else "cpu")
        try:
            found[name] = planted.called() if doing == "call" else planted.checked()
            found[name] |= {} if on_gpu else planted.watched()
        except Exception as error:  # of one kernel: the others are told, too
            found[name] = {"raised": f"{type(error).__name__}: {error}"}
    if not on_gpu:
        found |= {f"{op}/{name}": own(op, name) for op, name in OWN}
    print(json.dumps(msgspec.to_builtins(found)))


if __name__ == "__main__":
    main(*sys.argv[1:])
