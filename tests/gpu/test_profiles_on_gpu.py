"""On a GPU: a decode that is replayed or compiled has the categories, sites and layers of the eager one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.decode.profile import profile_arm
from harness.decode.suite_model import SuiteModel
from harness.device.choice import open_device
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.profile import Profile
from tests.conftest import REPOSITORY

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"),
    pytest.mark.xdist_group("profiles"),
]

SUITE = REPOSITORY / "tests" / "data" / "traces" / "tiny_gpu.yaml"


@pytest.fixture(scope="module")
def model() -> SuiteModel:
    return SuiteModel(expand(load_suite(SUITE)), open_device())


@pytest.fixture(scope="module")
def eager(model: SuiteModel) -> Profile:
    return profile_arm(model, "tiny", 1, 64)


def calls(profile: Profile, table: str) -> dict[str, int]:
    return {row.name: row.calls for row in getattr(profile, table)}


def test_every_kernel_of_an_eager_step_has_a_category_and_an_op(eager: Profile) -> None:
    """And nothing was lost: `profile_arm` would have raised."""
    assert eager.kernel_count > 0 and eager.uncategorised_ns <= 0.005 * eager.gpu_sum_ns
    assert eager.attributed_ns == eager.kernel_sum_ns and eager.work


def test_a_replay_is_mapped_back_whole(model: SuiteModel, eager: Profile, tmp_path: Path) -> None:
    """Kernel by kernel; the trace that is kept says the same."""
    graph = profile_arm(model, "tiny", 1, 64, "cuda_graph", tmp_path / "graph.json.gz")
    assert graph.mapped_ns == graph.replayed_ns == graph.gpu_sum_ns, graph.data_quality
    for table in ("categories", "scopes", "layers", "ops"):
        assert calls(graph, table) == calls(eager, table), table


def test_a_compiled_step_has_its_own_kernels_where_they_belong(model: SuiteModel, eager: Profile) -> None:
    """Triton kernels of ours and torch's int4 product are not fused, the sum behind an expert product is; what is fused
    is a category of its own."""
    compiled = profile_arm(model, "tiny", 1, 64, "torch_compile")
    assert compiled.uncategorised_ns <= 0.005 * compiled.gpu_sum_ns
    for category in ("int4mm", "chunk_gated_delta_rule"):
        assert calls(compiled, "categories")[category] == calls(eager, "categories")[category], category
    ours = {row.binary.kernel for row in eager.binaries}
    assert {"gate_up_kernel", "down_kernel"} <= ours
    for kernel in ours:
        assert calls(compiled, "kernels")[kernel] == calls(eager, "kernels")[kernel], kernel
    assert "Triton fused ops" in calls(compiled, "categories") and compiled.mapped_ns > 0


def test_the_binaries_of_a_step_are_read(model: SuiteModel, eager: Profile) -> None:
    """Of every place with a Triton kernel, under both engines the same."""
    graph = profile_arm(model, "tiny", 1, 64, "cuda_graph")
    wanted = {"int4_mm@gdn_in", "moe_gate_up@experts", "moe_down@experts", "gated_delta_rule@main"}
    assert {row.place for row in eager.binaries} == wanted and eager.not_read == {}
    assert graph.binaries == eager.binaries
    launched = {row.place: row.launches for row in eager.binaries}
    assert launched == {site.name: site.calls for site in eager.work if site.name in wanted}


def test_a_graphs_kernels_explain_its_span(model: SuiteModel) -> None:
    """Kernels and gaps are the profiled steps; what overlaps is covered once."""
    graph = profile_arm(model, "tiny", 1, 64, "cuda_graph")
    assert 0 < graph.gpu_busy_ns <= graph.gpu_sum_ns and graph.gpu_busy_ns + graph.idle_ns == graph.span_ns
