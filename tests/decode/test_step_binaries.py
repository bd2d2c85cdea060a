"""A decode step's binaries by place: read once, counted at each call; what is torch's own has none."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest
import torch

from harness.decode.step_binaries import StepBinaries
from harness.decode.suite_model import SuiteModel
from harness.decode.support import calls_of
from harness.device.choice import open_device
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.profile import SiteBinary
from tests.conftest import REPOSITORY

PROGRAM = """
import sys
from pathlib import Path
import msgspec, triton
from harness import kernels_root
kernels_root.bind(Path("kernels"))
from harness.decode.step_binaries import StepBinaries
from harness.decode.support import calls_of
from harness.measure.gpu_binaries import GpuBinaries
from harness.plan import expand
from harness.static.compile_case import meta_inputs
from harness.static.record import StandInDriver
from harness.static.target import parse_target
from harness.suite.catalogue import load_spec
from harness.suite.load import load_suite
triton.runtime.driver.set_active(StandInDriver(parse_target("sm_90")))
plan = expand(load_suite(Path("suites/qwen3_5_moe.yaml")), arms=["fused"])
calls = {f"{c.op}@{c.site}": (c, v) for phase, c, v in calls_of(plan, "fused", 1, 1024) if phase == "decode"}
step = StepBinaries(GpuBinaries("sm_90"), calls)
for place in sys.argv[1:] or calls:
    case, variant = calls[place]
    for _ in range(case.calls):
        step(place, "decode", meta_inputs(load_spec(case.op), variant, case.dims, "bfloat16"))
print(msgspec.json.encode([step.rows(), step.not_read()]).decode())
"""


@pytest.mark.xdist_group("static")
def test_every_kernel_of_a_place_has_its_binary() -> None:
    """The stand-in names the target here, a GPU's driver there."""
    places = ["int4_mm@gdn_out", "moe_block@main", "gated_rms_norm@main", "embedding@tokens"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *places], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows, not_read = msgspec.convert(json.loads(done.stdout), tuple[tuple[SiteBinary, ...], dict[str, str]])
    assert not_read == {}
    by_place: dict[str, list[SiteBinary]] = {}
    for row in rows:
        by_place.setdefault(row.place, []).append(row)
    assert {place: len(found) for place, found in by_place.items()} == {
        "int4_mm@gdn_out": 1, "moe_block@main": 2, "gated_rms_norm@main": 1,
    }  # fmt: skip
    assert [row.launches for row in rows] == [30, 40, 40, 30]
    assert all(row.binary.target == "sm_90" and row.binary.registers > 0 for row in rows)
    (gdn_out,) = by_place["int4_mm@gdn_out"]
    assert gdn_out.binary.instructions_per_weight is not None and gdn_out.grid == (2048 // 4, 1, 1)


class Refusing:
    """Reads nothing, once by saying so and once by failing."""

    def of_call(self, op: Any, variant: Any, case: Any, inputs: list[Any]) -> Compiled | str:
        if op.name == "sdpa":
            raise AttributeError("no cubin\nin it")
        return "cannot be read" if op.name == "router" else Compiled(case, Status.OK)


def test_what_cannot_be_read_is_said_and_the_step_goes_on() -> None:
    """Observed in the decode step of a model, whose prefill is not."""
    suite = load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml")
    plan = expand(suite, arms=["baseline"])
    calls = {f"{c.op}@{c.site}": (c, v) for phase, c, v in calls_of(plan, "baseline", 1, 8) if phase == "decode"}
    model, found = SuiteModel(plan, open_device()), StepBinaries(Refusing(), calls)
    with torch.no_grad():
        decoder, ops = model.arm("baseline", 1, 16)
        ops.observe(found)
        decoder.prefill(model.prompt(1, 8))
        assert found._times == {}
        decoder.decode(torch.tensor([1]), torch.tensor([8]))
        ops.observe(None)
        decoder.decode(torch.tensor([1]), torch.tensor([9]))
    assert found._times == {place: case.calls for place, (case, _) in calls.items() if case.op != "greedy"}
    assert found.rows() == ()
    assert found.not_read() == {
        "router@main": "cannot be read",
        "sdpa@main": "its binary cannot be read: AttributeError: no cubin",
    }
