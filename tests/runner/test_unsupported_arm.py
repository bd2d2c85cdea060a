"""An arm whose library is missing is a row with the reason, no failure; the other arms go on."""

from __future__ import annotations

from pathlib import Path

from harness.plan import expand
from harness.runner.execute import Execution, Options, profiled_engine
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.environment import Environment
from harness.values.measurement import Status
from harness.values.suite import Plan
from tests.conftest import REPOSITORY
from tests.suite.suite_files import SUITE, write_suite

LACKS = '''"""Its package is not installed."""


def supports(case):
    assert case.dims["tokens"] in (1, 16) and case.answer is not None
    return "needs the package nowhere" if case.op == "residual_add" else None


def run(x, y):
    raise AssertionError("it was called")
'''


def plan_at(path: Path, environment: Environment) -> Plan:
    return expand(load_suite(path), device_slug=environment.slug, triton=environment.triton)


def test_it_is_unsupported_everywhere_and_fails_nothing(tmp_path: Path) -> None:
    """Neither decode nor prefill nor profile calls any of its kernels."""
    (tmp_path / "lacks.py").write_text(LACKS)
    text = SUITE.replace("    sdpa: torch_sdpa\n", "    residual_add: ./lacks.py\n", 1)
    path, store = write_suite(tmp_path, text=text), Store(str(tmp_path / "runs.sqlite"))
    options = Options(stages=("decode", "profile"), rounds=1, processes=2, steps=1)
    execution = Execution(load_suite(path), lambda where: plan_at(path, where), store, options, lambda *_: None)
    run = store.load(execution.run())
    assert execution.failed == {} and run.state == "complete"
    found = {(m.case.arm, m.case.kind): m for m in run.measurements}
    for kind in ("decode", "prefill"):
        assert found["baseline", kind].status is Status.OK and found["baseline", kind].samples
        assert found["other", kind].status is Status.UNSUPPORTED
        assert "residual_add@mixer, decode: needs the package nowhere" in found["other", kind].reason
    assert [profile.arm for profile in run.profiles] == ["baseline"]
    assert any("profile other, eager: UNSUPPORTED" in line for line in execution.log)


def test_a_graph_is_profiled_where_one_is_timed() -> None:
    environment = Environment("cuda", "NVIDIA H100 80GB HBM3", "3.12", "2.11", "cpu", 16, "Linux")
    large = expand(load_suite(REPOSITORY / "suites" / "qwen3_5_moe.yaml"), arms=["fused"])
    tiny = expand(load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml"), arms=["baseline"])
    on_cpu = Environment("cpu", "cpu", "3.12", "2.11", "cpu", 16, "Linux")
    assert profiled_engine(large, environment) == "cuda_graph"
    assert {profiled_engine(tiny, environment), profiled_engine(large, on_cpu)} == {"eager"}
