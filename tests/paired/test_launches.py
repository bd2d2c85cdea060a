"""Code that differs and does the same on a GPU is told by compiling both sides, without a GPU."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from harness.plan import expand
from harness.runner.static_side import CompileRequest, compile_side
from harness.suite.fingerprint import fingerprints
from harness.suite.load import load_suite
from tests.compare.paired_stored import noisy_pairs, two_sides
from tests.conftest import REPOSITORY

SUITE = "suites/qwen3_5_moe.yaml"
KERNEL = "kernels/moe_gate_up/triton_vecmat.py"
CASE = "moe_gate_up@experts/int4-g128/bfloat16/baseline"


def tree(root: Path, old: str = "", new: str = "") -> Path:
    for folder in ("kernels", "suites"):
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "kernels" / "LIBRARY").touch()
    file = root / KERNEL
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new) if old else text)
    return root / SUITE


def planned(suite: Path) -> tuple[str, str | None]:
    """The fingerprint of what the case is asked, and the identity of what it launches."""
    plan = expand(load_suite(suite), arms=("baseline",), match=CASE)
    (case,) = (case for case in plan.cases if case.id == CASE)
    asked = CompileRequest((case,), ("sm_90",), str(suite.parent), plan.suite.kernels_root)
    (compiled,) = compile_side(asked, sys.executable, suite.parent.parent, lambda *_: None).compiled["sm_90"]
    return fingerprints(plan)[CASE], compiled.identity


def test_another_name_is_the_same_launch_and_another_instruction_is_not(tmp_path: Path) -> None:
    """All are asked the same and differ in their text; what a GPU would do differs of one that computes something else
    and one that copies. A view is nothing that a GPU does."""
    here = planned(tree(tmp_path / "here"))
    viewed = planned(
        tree(tmp_path / "viewed", "expert_ids.shape", "tuple(expert_ids.view(-1).view(expert_ids.shape).shape)")
    )
    copied = planned(tree(tmp_path / "copied", "expert_ids.shape", "expert_ids.clone().shape"))
    changed = planned(tree(tmp_path / "changed", "- 8.0", "- 7.0"))
    assert len({fingerprint for fingerprint, _ in (here, viewed, copied, changed)}) == 1
    assert here[1] == viewed[1] is not None
    assert copied[1] != here[1] != changed[1]


def test_what_only_was_checked_is_the_same_with_that_reason() -> None:
    """Checked on both sides and not timed; where the check failed, it is a failure like any other."""
    import random

    import msgspec

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
