"""A device with a scripted clock drives a decode in this process: checked as anywhere, timed as the script says."""

from __future__ import annotations

import msgspec
import pytest

from harness.decode.decode_cases import DecodeBench
from harness.decode.suite_model import SuiteModel
from harness.device.fake import FakeDevice
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.measurement import Status
from harness.values.suite import Plan
from harness.worker.messages import Measured, Sampled
from tests.conftest import REPOSITORY

STEPS = 4


@pytest.fixture(scope="module")
def plan() -> Plan:
    """One arm under two engines on a device that is no CPU: none of its cases has a problem."""
    suite = load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml")
    assert suite.decode is not None
    decode = msgspec.structs.replace(
        suite.decode, context=(20,), new_tokens=STEPS, engines=("eager", "cuda_graph"), also=()
    )
    return expand(msgspec.structs.replace(suite, decode=decode, kernels=None), arms=["baseline"], device_slug="fake")


def test_every_sample_of_a_decode_is_the_next_of_the_script(plan: Plan) -> None:
    """Prefill, eager and graph steps; the second pass begins one case further on. A sample is a step's share."""
    device = FakeDevice([100.0, 40.0, 20.0, 44.0, 24.0, 110.0], sm_clock_mhz=1500)
    events = list(DecodeBench(SuiteModel(plan, device), 1, 2, {}).run(plan.cases))
    measured = [event.measurement for event in events if isinstance(event, Measured)]
    found = {f"{m.case.engine} {m.case.kind}": m for m in measured}
    seen = [condition for event in events if isinstance(event, Sampled) for condition in event.conditions]
    values = {name: [s.value_us for s in m.samples] for name, m in found.items()}
    assert values == {"eager prefill": [100.0, 110.0], "eager decode": [10.0, 11.0], "cuda_graph decode": [5.0, 6.0]}
    assert {m.status for m in found.values()} == {Status.OK} and {m.timer for m in found.values()} == {"fake"}
    assert found["cuda_graph decode"].first_token_us == 100.0
    assert [(c.round, c.sm_clock_mhz) for c in seen] == [(0, 1500), (1, 1500)] and device.values_us == []
