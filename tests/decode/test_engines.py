"""A compiled step computes what the eager one does, a step that is no full graph fails with its reason, and a profile
that lacks kernels is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
import torch

from harness.decode.check import empty_stream
from harness.decode.decode_cases import DecodeBench
from harness.decode.profile import PROFILED_STEPS, check_complete, profile_arm
from harness.decode.step import Step
from harness.decode.suite_model import SuiteModel
from harness.device.choice import open_device
from harness.engines import ENGINES, engine_facts, make_engine
from harness.errors import CaseFailed
from harness.plan import expand
from harness.suite.load import load_suite
from harness.trace import breakdown, load_rules
from harness.values.measurement import Measurement, Status
from harness.worker.messages import Measured
from tests.conftest import REPOSITORY
from tests.suite.suite_files import write_suite
from tests.trace.made import Row, gpu, host, write

SUITE = REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml"
RULES = load_rules()
ONE_LAYER = {"num_hidden_layers": 1, "full_attention_interval": 1, "num_experts": 4, "vocab_size": 256}
compiler = pytest.mark.skipif(
    not (shutil.which("g++") or shutil.which("clang++")), reason="Inductor needs a C++ compiler here"
)


def model_of(path: Path, engine: str) -> SuiteModel:
    """One attention layer with experts: what compiles in seconds."""
    suite = load_suite(path)
    assert suite.decode is not None
    decode = msgspec.structs.replace(suite.decode, context=(20,), new_tokens=4, engines=(engine,))
    suite = msgspec.structs.replace(suite, decode=decode, kernels=None, dims={**suite.dims, **ONE_LAYER})
    return SuiteModel(expand(suite, arms=["baseline"]), open_device())


def measured(model: SuiteModel) -> dict[str, Measurement]:
    events = DecodeBench(model, 0, 2, {}).run(model.plan.cases)
    return {e.measurement.case.kind: e.measurement for e in events if isinstance(e, Measured)}


@pytest.mark.slow
@compiler
@pytest.mark.xdist_group("inductor")
def test_a_compiled_step_is_right_timed_and_profiled() -> None:
    """States are updated in place, the arm's own text is the eager one's, and the profile says which engine it is."""
    model = model_of(SUITE, "torch_compile")
    decode = measured(model)["decode"]
    assert decode.status is Status.OK and len(decode.samples) == 2 and decode.case.engine == "torch_compile"
    assert decode.correctness is not None and "leaves" not in decode.correctness.detail
    assert decode.capture_s is not None and decode.capture_s > 0.1
    found = profile_arm(model, "baseline", 1, 20, "torch_compile")
    assert found.engine == "torch_compile" and found.uncategorised_ns <= 0.005 * found.gpu_sum_ns
    assert "Compiled C++ (Inductor)" in {row.name for row in found.categories}


def test_a_step_that_is_no_full_graph_fails_with_its_reason(tmp_path: Path) -> None:
    """It is not run in parts; the prefill, which is eager, is measured all the same."""
    (tmp_path / "breaks.py").write_text("def run(x, y):\n    return x + y if x.sum() != 0.5 else y\n")
    text = SUITE.read_text().replace(
        "    sdpa: torch_sdpa\n", "    sdpa: torch_sdpa\n    residual_add: ./breaks.py\n", 1
    )
    found = measured(model_of(write_suite(tmp_path, text=text), "torch_compile"))
    assert found["decode"].status is Status.FAILED and not found["decode"].samples
    assert "ependent" in found["decode"].reason and found["prefill"].status is Status.OK


def test_every_engine_that_a_suite_may_name_is_there() -> None:
    """And no other: the folder of engines holds one module for each name."""
    folder = REPOSITORY / "harness" / "engines"
    assert {file.stem for file in folder.glob("*.py")} - {"__init__"} == set(ENGINES)
    assert all(engine_facts(name) for name in ENGINES)


def test_each_compiled_step_has_a_code_of_its_own() -> None:
    """Otherwise the ninth arm of a process could not be compiled."""
    from harness.engines.torch_compile import _alone

    model = model_of(SUITE, "eager")
    decoder, _ = model.arm("baseline", 1, 64)
    steps = [Step(decoder, empty_stream(1, 4, "cpu"), 20) for _ in range(2)]
    one, other = (_alone(step) for step in steps)
    assert one.__code__ is not other.__code__  # type: ignore[attr-defined]
    with torch.no_grad():
        assert torch.equal(one(), steps[1]()) and steps[0].counter.tolist() == [1, 21]


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_without_a_gpu_there_is_no_graph() -> None:
    """In one line, not in torch's words."""
    model = model_of(SUITE, "eager")
    with pytest.raises(CaseFailed, match="CUDA graphs need a GPU"):
        make_engine("cuda_graph", Step(model.arm("baseline", 1, 64)[0], empty_stream(1, 4, "cpu"), 20), model.device)


def replays(kernels: int) -> list[Row]:
    return [gpu(10 * at, 1.5, "k", at % PROFILED_STEPS) for at in range(kernels)] + [
        host("cuda_runtime", "cudaGraphLaunch", step, 1, correlation=step) for step in range(PROFILED_STEPS)
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (replays(3 * PROFILED_STEPS - 1), "23 kernels in 8 replays"),
        (replays(PROFILED_STEPS - 1), "GPU rows of 1 of 8 launches"),
        ([gpu(0, 1, cat="gpu_memcpy")], "no GPU kernels"),
    ],
)
def test_a_live_profile_without_some_of_its_kernels_is_none(tmp_path: Path, rows: list[Row], message: str) -> None:
    """Whatever is lost, it is said and not averaged over."""
    with pytest.raises(CaseFailed, match=message) as error:
        check_complete(
            breakdown(write(tmp_path / "t.json", rows), RULES, steps=PROFILED_STEPS), "profile of a", "cuda_graph"
        )
    assert str(error.value).startswith("profile of a: ") and "doctor" in str(error.value)
    whole = breakdown(write(tmp_path / "t.json", replays(16)), RULES, steps=PROFILED_STEPS)
    check_complete(whole, "profile of a", "cuda_graph")
