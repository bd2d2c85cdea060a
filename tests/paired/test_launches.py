"""Code that differs and does the same on a GPU is told by compiling both sides, without a GPU."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec

from harness.plan import expand
from harness.runner.static_side import CompileRequest, compile_side
from harness.suite.fingerprint import fingerprints
from harness.suite.load import load_suite
from harness.values.case import Case
from tests.compare.paired_stored import noisy_pairs, two_sides
from tests.conftest import REPOSITORY

SUITE = "suites/qwen3_5_moe.yaml"
KERNEL = "kernels/moe_gate_up/triton_vecmat.py"
CASE = "moe_gate_up@experts/int4-g128/bfloat16/baseline"


VARIANTS = {
    "viewed": ("expert_ids.shape", "tuple(expert_ids.view(-1).view(expert_ids.shape).shape)"),
    "copied": ("expert_ids.shape", "expert_ids.clone().shape"),
    "changed": ("- 8.0", "- 7.0"),
}
"""What stands in the kernel, and what stands there instead."""


def tree(root: Path, old: str = "", new: str = "") -> Path:
    for folder in ("kernels", "suites"):
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "kernels" / "LIBRARY").touch()
    write(root / KERNEL, root / KERNEL, old, new)
    return root / SUITE


def write(source: Path, target: Path, old: str, new: str) -> None:
    text = source.read_text()
    assert old in text
    target.write_text(text.replace(old, new) if old else text)


def planned(suite: Path) -> tuple[Case, str]:
    """The case, and the fingerprint of what it is asked."""
    plan = expand(load_suite(suite), arms=("baseline",), match=CASE)
    (case,) = (case for case in plan.cases if case.id == CASE)
    return case, fingerprints(plan)[CASE]


def test_another_name_is_the_same_launch_and_another_instruction_is_not(tmp_path: Path) -> None:
    """What a GPU would do differs of a kernel that computes something else and of one that copies. A view is nothing
    that a GPU does."""
    suite = tree(tmp_path / "here")
    case, _ = planned(suite)
    assert case.answer is not None
    cases = {"as it is": case}
    for name, (old, new) in VARIANTS.items():
        write(tmp_path / "here" / KERNEL, (tmp_path / "here" / KERNEL).with_name(f"triton_{name}.py"), old, new)
        answer = msgspec.structs.replace(case.answer, variant=f"triton_{name}")
        cases[name] = msgspec.structs.replace(case, answer=answer)
    asked = CompileRequest(tuple(cases.values()), ("sm_90",), str(suite.parent), str(tmp_path / "here" / "kernels"))
    compiled = compile_side(asked, sys.executable, tmp_path / "here", lambda *_: None).compiled["sm_90"]
    identity = dict(zip(cases, (found.identity for found in compiled), strict=True))
    assert identity["viewed"] == identity["as it is"] is not None
    assert identity["copied"] != identity["as it is"] != identity["changed"]


def test_kernels_that_differ_in_their_text_are_asked_the_same(tmp_path: Path) -> None:
    asked = {planned(tree(tmp_path / name, *change))[1] for name, change in {"here": ("", ""), **VARIANTS}.items()}
    assert len(asked) == 1


def test_what_only_was_checked_is_the_same_with_that_reason() -> None:
    """Checked on both sides and not timed; where the check failed, it is a failure like any other."""
    import random

    from harness.compare import StoredSide, compare
    from harness.values.measurement import Measurement, Status
    from harness.values.reason import SameLaunches
    from tests.compare.stored_runs import kernel

    sides = []
    for side in two_sides({"a": noisy_pairs(random.Random(1), 10)}):
        assert side.run.pairing is not None
        case = kernel("b")
        pairing = msgspec.structs.replace(side.run.pairing, same_launches=(case.id,))
        checked = (*side.run.measurements, Measurement(case, Status.OK))
        sides.append(
            msgspec.structs.replace(
                side.run, pairing=pairing, measurements=checked, planned=(*side.run.planned, case)
            )
        )  # fmt: skip
    verdict = compare(StoredSide(sides[0]), StoredSide(sides[1])).verdicts[1]
    assert verdict.verdict == "SAME" and verdict.reason == SameLaunches()
    wrong = Measurement(kernel("b"), Status.INCORRECT, "zeros")
    sides[1] = msgspec.structs.replace(sides[1], measurements=(sides[1].measurements[0], wrong))
    found = compare(StoredSide(sides[0]), StoredSide(sides[1]))
    assert found.verdicts[1].verdict == "INVALID" and int(found.exit_status) == 5
