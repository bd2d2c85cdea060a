"""Triton variants as operators of an exported program: all of them, alone and with a list of configurations."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import torch

from harness import kernels_root
from harness.decode.check import empty_stream
from harness.decode.entries import entries_of
from harness.decode.step import Step
from harness.decode.suite_model import SuiteModel
from harness.device.choice import open_device
from harness.export.listed import listed_body
from harness.export.operators import Operator, kernels_of, register, registered
from harness.export.program import StepModule, export
from harness.export.rebinding import rebound
from harness.load_kernels import load_variant
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.case import Tunables
from tests.conftest import REPOSITORY

SUITES = REPOSITORY / "suites"
TWO_LAYERS = {"num_hidden_layers": 2, "full_attention_interval": 2, "num_experts": 8, "vocab_size": 512}
TRITON = sorted((file.parent.name, file.stem) for file in (REPOSITORY / "kernels").glob("*/triton_*.py"))


def small_model(arm: str) -> SuiteModel:
    """The large suite's arms over two small layers."""
    suite = load_suite(SUITES / "qwen3_5_moe.yaml")
    dims = {**load_suite(SUITES / "qwen3_5_moe_tiny.yaml").dims, **TWO_LAYERS}
    weights = msgspec.structs.replace(suite.weights, group=64)
    return SuiteModel(
        expand(msgspec.structs.replace(suite, kernels=None, dims=dims, weights=weights), arms=[arm]), open_device()
    )


def test_every_triton_variant_of_the_library_is_an_operator() -> None:
    """Its tunables are in the schema, so that an exported program says what an arm chose; states are what it writes."""
    kernels_root.bind(REPOSITORY / "kernels")
    assert len(TRITON) > 20
    for op, variant in TRITON:
        made = register(Operator(op, variant, str(SUITES)))
        assert made is not None and made.kernels, (op, variant)
        schema = str(made.call._opoverload._schema)  # type: ignore[attr-defined]
        for name in load_variant(op, variant, SUITES).tunables:
            assert f" {name}=" in schema, (op, variant, name)
    assert register(Operator("sdpa", "torch_sdpa", str(SUITES))) is None, (
        "torch's own operators are exported as they are"
    )


@pytest.mark.parametrize("arm", ["fused", "overlapped"])
def test_an_arm_of_triton_kernels_is_exported_and_stored(arm: str, tmp_path: Path) -> None:
    """Without a GPU. Its kernels are operators of the program, its states are written, and eager calls are afterwards
    what they were."""
    model = small_model(arm)
    decoder, ops = model.arm(arm, 1, 128)
    before = [call.run for call in ops.calls("decode")]
    module = StepModule(Step(decoder, empty_stream(1, 4, "cpu"), 20), ops.tensors())
    with torch.no_grad(), registered(ops, {}) as operators:
        program = export(module)
    assert [call.run for call in ops.calls("decode")] == before
    called = {str(node.target).split(".")[1] for node in program.graph.nodes if str(node.target).startswith("harness.")}
    assert {name.rpartition("__")[0] for name in called} == {f"{o.op}__{o.variant}" for o in operators}
    written = {spec.target for spec in program.run_decompositions({}).graph_signature.output_specs}
    assert {"s_counter", "s_chosen"} < written and len(written) > 5
    torch.export.save(program, tmp_path / "step.pt2")
    assert len(torch.export.load(tmp_path / "step.pt2").graph.nodes) == len(program.graph.nodes)


LISTS: dict[tuple[str, str], list[Tunables]] = {
    ("moe_gate_up", "triton_vecmat"): [
        {"block_n": n, "block_k": k, "num_warps": warps, "num_stages": 2}
        for n, k, warps in ((8, 256, 2), (16, 256, 4), (32, 32, 2), (64, 128, 8))
    ],
    ("moe_experts", "triton_words"): [
        {"up_n": a, "up_warps": b, "down_n": c, "down_warps": d}
        for a, b, c, d in ((4, 2, 4, 4), (8, 2, 4, 4), (8, 2, 8, 8), (8, 4, 2, 4))
    ],
}
SEEN = {
    "moe_gate_up": [("gate_up_kernel", 4, [(128,), (64,), (32,), (16,)])],
    "moe_experts": [("gate_up_kernel", 3, None), ("down_kernel", 3, None)],
}


def traced(op: str, variant: str, entries: list[Tunables]) -> torch.fx.GraphModule:
    """What a compiler sees of a variant with a list."""
    from torch._export.utils import _compiling_state_context
    from torch.fx.experimental.proxy_tensor import make_fx

    kernels_root.bind(REPOSITORY / "kernels")
    run = load_variant(op, variant, SUITES).run
    with _compiling_state_context():
        return make_fx(listed_body(run, entries), tracing_mode="fake")(*expert_inputs(op))


def expert_inputs(op: str) -> list[object]:
    x, ids, shares = torch.zeros(1, 256).bfloat16(), torch.zeros(1, 4, dtype=torch.int32), torch.zeros(1, 4)
    up = [torch.zeros(8, 256, 128, dtype=torch.uint8), torch.zeros(8, 256, 4).bfloat16()]
    down = [torch.zeros(8, 256, 64, dtype=torch.uint8), torch.zeros(8, 256, 2).bfloat16()]
    if op == "moe_down":
        return [torch.zeros(4, 128).bfloat16(), ids, shares, *down, 64]
    return [x, ids, *up, 64] if op == "moe_gate_up" else [x, ids, shares, *up, *down, 64]


@pytest.mark.parametrize(("op", "variant"), LISTS)
def test_a_list_of_configurations_is_what_a_compiler_sees_of_each_kernel(op: str, variant: str) -> None:
    """Each distinct configuration of each kernel, with the grid that `run` would have launched it with."""
    from torch._higher_order_ops.triton_kernel_wrap import kernel_side_table

    graph, run = traced(op, variant, LISTS[op, variant]), load_variant(op, variant, SUITES).run
    nodes = [node for node in graph.graph.nodes if "triton_kernel_wrapper" in str(node.target)]
    tuners = [kernel_side_table.get_kernel(node.kwargs["kernel_idx"]) for node in nodes]
    for node, tuner, (name, configs, grids) in zip(nodes, tuners, SEEN[op], strict=True):
        assert (tuner.fn.__name__, len(tuner.configs)) == (name, configs) and name in kernels_of(run)
        assert grids is None or [tuple(grid)[:1] for grid in node.kwargs["grid"]] == grids


def test_a_kernel_with_a_list_runs_before_what_reads_its_output() -> None:
    """`moe_down` sums over the pairs that its kernel wrote: a launch that came after the whole of `run` left the sum of
    memory that nothing had written, and a compiler then drops the kernel."""
    entries: list[Tunables] = [{"block_n": 32, "block_k": 32}, {"block_n": 16, "block_k": 64}]
    nodes = list(traced("moe_down", "triton_vecmat", entries).graph.nodes)
    launch = next(node for node in nodes if "triton_kernel_wrapper" in str(node.target))
    [total] = [node for node in nodes if "sum" in str(node.target) and launch.kwargs["kwargs"]["out"] in node.args]
    assert nodes.index(launch) < nodes.index(total)


def test_entries_that_launch_other_kernels_are_no_list() -> None:
    """Nor those that call one with other sizes; torch would be given a kernel that none of them is."""
    kernels_root.bind(REPOSITORY / "kernels")
    run = load_variant("moe_gate_up", "triton_vecmat", SUITES).run
    scope = dict(run.__globals__)
    exec("def often(*inputs, times=1):\n    return [run(*inputs) for _ in range(times)][-1]\n", scope)
    with pytest.raises(ValueError, match="launch different kernels"):
        listed_body(scope["often"], [{}, {"times": 2}])(*expert_inputs("moe_gate_up"))
    with pytest.raises(ValueError, match="gate_up_kernel with different sizes"):
        exec("def wide(*inputs, by=0):\n    return run(torch.zeros(1, 256 + by)[:, :256], *inputs[1:])\n", scope)
        listed_body(scope["wide"], [{}, {"by": 2}])(*expert_inputs("moe_gate_up"))


def test_the_list_of_a_place_begins_with_the_arms_own_choice() -> None:
    """Then come others of the suite's sweep space, each once and as many as there are; other places have none."""
    plan = small_model("baseline").plan
    for count in (2, 6, 1000):
        found = entries_of(plan, "baseline", 1, 64, count)
        assert set(found) == {"moe_gate_up@experts", "moe_down@experts"}
        for listed in found.values():
            assert listed[0] == {"block_n": 32, "block_k": 32, "num_warps": 2, "num_stages": 2}
            assert len(listed) == min(count, 32) and len({str(sorted(one.items())) for one in listed}) == len(listed)
    assert entries_of(plan, "baseline", 1, 64, 1) == {}


def test_a_cached_tensor_of_a_variant_is_made_in_each_program() -> None:
    """Counters and tables that `run` keeps between calls: traced twice, the second program does not hold a tensor of
    the first one's tracing, and later eager calls keep what they had."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    kernels_root.bind(REPOSITORY / "kernels")
    run = load_variant("route", "triton_last", SUITES).run
    copy = rebound(run, lambda kernel: kernel)
    assert copy is not run
    for _ in range(2):
        with FakeTensorMode() as mode:
            assert copy.__globals__["_counters"](1, torch.device("cpu")).fake_mode is mode
    assert type(run.__globals__["_counters"](1, torch.device("cpu"))) is torch.Tensor
