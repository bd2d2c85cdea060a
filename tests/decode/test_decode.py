"""The whole model under an arm: right against the float32 model, or INCORRECT and why; the same tokens for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from harness.decode.arm_ops import scope_name
from harness.decode.check import divergence
from harness.decode.decode_cases import DecodeBench, stream_name
from harness.decode.profile import profile_arm
from harness.decode.step import Step
from harness.decode.suite_model import SuiteModel, prefill_in_chunks
from harness.decode.work import model_work
from harness.device.choice import open_device
from harness.engines.eager import EagerEngine
from harness.measure import energy
from harness.plan import expand
from harness.suite.load import load_suite
from harness.trace.categories import UNCATEGORISED
from harness.values.measurement import Measurement, Status, StreamDivergence
from harness.values.suite import Plan
from harness.worker.messages import Measured, Started
from tests.conftest import REPOSITORY
from tests.measure.planted_power import PlantedPower
from tests.suite.suite_files import write_suite

SUITE = REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml"
NEW_TOKENS = 6


def plan_of(path: Path, **fields: Any) -> Plan:
    suite = load_suite(path)
    assert suite.decode is not None
    decode = msgspec.structs.replace(suite.decode, context=(20,), new_tokens=NEW_TOKENS, **fields)
    return expand(msgspec.structs.replace(suite, decode=decode, kernels=None), arms=["baseline"])


@pytest.fixture(scope="module")
def model() -> SuiteModel:
    return SuiteModel(plan_of(SUITE), open_device())


def bench(model: SuiteModel, streams: dict[str, Any], passes: int) -> dict[str, Measurement]:
    events = DecodeBench(model, 2, passes, streams).run(model.plan.cases)
    return {e.measurement.case.kind: e.measurement for e in events if isinstance(e, Measured)}


def test_a_right_arm_is_timed_once_per_pass_and_its_stream_recorded(model: SuiteModel) -> None:
    streams: dict[str, Any] = {}
    found = bench(model, streams, passes=2)
    assert [found[kind].status for kind in ("decode", "prefill")] == [Status.OK, Status.OK]
    assert [(s.process, s.round) for s in found["decode"].samples] == [(2, 0), (2, 1)]
    assert found["decode"].calls_per_sample == NEW_TOKENS and found["decode"].first_token_us is not None
    (recorded,) = streams[stream_name(1, 20)]
    assert len(recorded) == NEW_TOKENS + 1
    assert found["decode"].correctness is not None and "leaves" not in found["decode"].correctness.detail


def test_a_decode_has_joules_per_token_of_all_sequences(
    model: SuiteModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A window's tokens are its passes' new tokens, of a prefill those of the prompt; the state is put back before each
    pass, so that the logits are still right after it. The counter is planted: power is the same all the time."""
    for name, value in {"WARM_S": 0.01, "WINDOW_S": 0.05, "WINDOWS": 2, "MOST_WINDOWS": 2, "IDLE_S": 0.05}.items():
        monkeypatch.setattr(energy, name, value)
    power = PlantedPower(100.0, 100.0, tick_s=0.002)
    monkeypatch.setattr(type(model.device), "joules", lambda device: power.joules())
    events = list(DecodeBench(model, 2, 1, {}, energy=True).run(model.plan.cases))
    assert [e.what for e in events if isinstance(e, Started)][-2:] == ["energy", "energy"]
    found = {e.measurement.case.kind: e.measurement for e in events if isinstance(e, Measured)}
    for kind, tokens in (("decode", 1), ("prefill", 20)):
        measurement = found[kind]
        assert measurement.status is Status.OK, measurement.reason
        assert len(measurement.energy) == 2 and {window.process for window in measurement.energy} == {2}
        per_token_s = measurement.samples[0].value_us / 1e6 / tokens
        for window in measurement.energy:
            assert window.joules / window.seconds == pytest.approx(100.0, rel=window.resolution + 1e-6)
            assert window.seconds / window.units > 0.2 * per_token_s


def test_a_stream_from_elsewhere_is_fed_and_the_own_one_said_to_leave_it(model: SuiteModel) -> None:
    streams: dict[str, Any] = {}
    bench(model, streams, passes=0)
    other = [[*streams[stream_name(1, 20)][0]]]
    other[0][3] = (other[0][3] + 1) % 2048
    found = bench(model, {stream_name(1, 20): other}, passes=0)
    assert found["decode"].status is Status.OK and found["decode"].samples == ()
    assert found["decode"].correctness is not None
    assert "own greedy stream leaves the recorded one at token 3" in found["decode"].correctness.detail


WRONG = {
    "residual_add": "def run(x, y):\n    return x\n",
    "rms_norm": "import torch\n\n\ndef run(x, weight, eps):\n"
    "    return torch.nn.functional.rms_norm(x, (x.shape[-1],), weight, eps)\n",
    "causal_conv": "import torch\nfrom harness_kernels.causal_conv import torch_ops\n\n\ndef run(x, weight, state):\n"
    "    return torch_ops.run(x, weight, state.clone())\n",
}


@pytest.mark.parametrize("op", sorted(WRONG))
def test_a_wrong_op_makes_the_decode_incorrect_and_untimed(op: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG[op])
    text = SUITE.read_text().replace("    sdpa: torch_sdpa\n", f"    sdpa: torch_sdpa\n    {op}: ./wrong.py\n", 1)
    wrong = SuiteModel(plan_of(write_suite(tmp_path, text=text)), open_device())
    found = bench(wrong, {}, passes=1)
    assert found["decode"].status is Status.INCORRECT and found["decode"].samples == ()
    assert "logits [batch, step, token]" in found["decode"].reason


def test_an_arm_that_leaves_work_out_once_it_is_timed_is_incorrect(tmp_path: Path) -> None:
    """Its logits are right before the timed passes, and compared again after them."""
    (tmp_path / "tires.py").write_text(
        "CALLS = [0]\n\n\ndef run(x, y):\n    CALLS[0] += 1\n    return x + y if CALLS[0] < 300 else x.clone()\n"
    )
    text = SUITE.read_text().replace("baseline:\n", "baseline:\n    residual_add: ./tires.py\n", 1)
    found = bench(SuiteModel(plan_of(write_suite(tmp_path, text=text)), open_device()), {}, passes=12)
    assert found["decode"].status is Status.INCORRECT and found["decode"].samples == ()
    assert "right before it was timed, wrong after" in found["decode"].reason


def test_an_arm_that_raises_fails_alone(tmp_path: Path) -> None:
    """Its cases are rows with the reason, and the other arm is measured."""
    (tmp_path / "raises.py").write_text("def run(x, y):\n    raise ValueError('no such tile')\n")
    text = SUITE.read_text().replace("    int4_mm: {torch_blocked: tuned}\n", "    residual_add: ./raises.py\n", 1)
    text = text.replace("{torch_gather: tuned}", "torch_gather")
    suite = load_suite(write_suite(tmp_path, text=text))
    assert suite.decode is not None
    decode = msgspec.structs.replace(suite.decode, context=(20,), new_tokens=NEW_TOKENS)
    both = SuiteModel(expand(msgspec.structs.replace(suite, decode=decode, kernels=None)), open_device())
    events = DecodeBench(both, 0, 1, {}).run(both.plan.cases)
    found = [event.measurement for event in events if isinstance(event, Measured)]
    status = {(m.case.kind, m.case.arm): m for m in found}
    assert status["decode", "baseline"].status is Status.OK and status["decode", "baseline"].samples
    assert status["decode", "autotuned"].status is Status.FAILED
    assert "no such tile" in status["decode", "autotuned"].reason


def test_steps_rewind_to_the_end_of_the_prompt_bit_for_bit(model: SuiteModel) -> None:
    with torch.no_grad():
        decoder, ops = model.arm("baseline", 2, 40)
        first = decoder.sample(prefill_in_chunks(decoder, model.prompt(2, 20), chunk=7))
        snapshot = decoder.snapshot()
        stream = torch.zeros(2, 5, dtype=torch.int64)
        stream[:, 0] = first
        engine_step = Step(decoder, stream, 20)
        engine = EagerEngine(engine_step)
        once = [engine.run().clone() for _ in range(4)]
        engine_step.rewind(snapshot)
        again = [engine.run().clone() for _ in range(4)]
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
    assert ops.weight_bytes() > 0


def test_the_reference_does_not_depend_on_how_the_prompt_is_cut(model: SuiteModel) -> None:
    prompt, stream = model.prompt(1, 20), torch.arange(4).unsqueeze(0)
    with torch.no_grad():
        decoder = model.reference(1, 24)
        for start in (0, 7, 14):
            decoder.prefill(prompt[:, start : start + (7 if start < 14 else 6)], start=start)
        pieces = decoder.prefill(stream, start=20, every=True)
    torch.testing.assert_close(pieces, model.truth(prompt, stream, 4), rtol=1e-4, atol=1e-4)


def test_divergence_names_the_first_different_token_and_the_gap_there() -> None:
    recorded = torch.tensor([[1, 2, 3, 4]])
    assert divergence(recorded, recorded.clone(), [0.1, 0.2, 0.3]) is None
    found = divergence(recorded, torch.tensor([[1, 2, 9, 4]]), [0.1, 0.25, 0.3])
    assert found == StreamDivergence(2, 0.25)
    assert (
        found.words == "own greedy stream leaves the recorded one at token 2, where its top two logits are 0.25 apart"
    )


def test_a_step_of_the_large_model_moves_the_bytes_that_are_known() -> None:
    """1,519 MB of int4 weights at batch 1 (of which the router's and shared gate's 42 MB stay bfloat16), plus 126 MB of
    float32 state read and written and what little is left."""
    suite = load_suite(REPOSITORY / "suites" / "qwen3_5_moe.yaml")
    work = model_work(suite, "decode", 1, 1024)
    assert work is not None
    weights = 1518.7e6 - 10.9e6 + 42.1e6
    state = 2 * 30 * 32 * 128 * 128 * 4
    cache = 2 * 2 * 10 * 2 * 256 * 1025
    assert weights + state + cache < work.bytes < 1.01 * (weights + state + cache)
    four = model_work(suite, "decode", 4, 1024)
    assert four is not None and 1.5 * work.bytes < four.bytes < 4 * work.bytes, (
        "experts are read per token, dense weights once"
    )


def test_a_live_profile_names_op_and_category_of_everything(model: SuiteModel) -> None:
    found = profile_arm(model, "baseline", 1, 20)
    assert found.device == "cpu" and found.steps > 0 and (found.arm, found.engine) == ("baseline", "eager")
    assert (
        sum(row.total_ns for row in found.categories) == sum(row.total_ns for row in found.kernels) == found.gpu_sum_ns
    )
    names = {row.name for row in found.categories}
    assert {"MoE", "int4mm", "SDPA", "Router", "chunk_gated_delta_rule"} <= names and UNCATEGORISED not in names
    assert {row.scope for row in found.kernels} >= {"int4_mm@lm_head", "sdpa@main", "moe_down@experts"}
    work = model_work(model.plan.suite, "decode", 1, 20)
    assert work is not None
    assert sum(site.bytes for site in found.work) == work.bytes and sum(site.flop for site in found.work) == work.flop
    assert scope_name("sdpa", "main", 3) == "harness:sdpa@main#3"
