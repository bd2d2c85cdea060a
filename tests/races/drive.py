"""Every kernel of this folder, checked and watched in Triton's interpreter: what both say of it, as one JSON object.

`TRITON_INTERPRET=1 python -m tests.races.drive [NAME ...]`: the variable has to be set before Triton is imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import torch

from harness import kernels_root
from harness.measure.expected import Expected
from harness.measure.operand_sets import make_operands
from harness.measure.verify import verify_variant
from harness.resolve import load_op, load_variant
from harness.values.case import Answer, Case
from tests.conftest import REPOSITORY
from tests.races.planted import PLANTED, declared, dims_of


def watched(name: str) -> dict[str, Any]:
    says = declared(PLANTED[name])
    op, variant = load_op(says["OP"]), load_variant(says["OP"], str(PLANTED[name]), REPOSITORY)
    case = Case("kernel", name, "float32", {}, op=op.name, site="test", dims=dims_of(says), answer=Answer(name))
    found = verify_variant(op, variant, case, torch.float32, "cpu", 0, stress_s=0)
    raw = make_operands(op, case, torch.float32, "cpu", 0, "uniform")
    errors = Expected(op, case, raw).accesses(variant, {})
    return {"correct": found.correct, "kind": found.kind, "words": f"{found.region}; {found.detail}", "errors": errors}


def main(names: Sequence[str]) -> None:
    kernels_root.bind(REPOSITORY / "kernels")
    found = {name: watched(name) for name in names or PLANTED if not declared(PLANTED[name]).get("GPU_ONLY")}
    print(json.dumps(msgspec.to_builtins(found)))


if __name__ == "__main__":
    main(sys.argv[1:])
