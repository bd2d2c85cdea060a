"""A kernel in a category that its op denies is seen without any label."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.trace import breakdown, load_rules
from harness.trace.contradictions import says
from tests.trace.made import gpu, host, write

RULES = load_rules()


def traced(path: Path, *pairs: tuple[str, str]) -> Path:
    """A kernel of 10 us for each (op, name)."""
    rows = []
    for at, (op, name) in enumerate(pairs):
        rows += [
            host("cpu_op", op, 100 * at, 50),
            host("cuda_runtime", "cudaLaunchKernel", 100 * at + 5, 1, correlation=at),
        ]
        rows.append(gpu(100 * at + 60, 10, name, at))
    return write(path, rows)


PLANTED = [
    ("aten::native_layer_norm", "mystery_kernel"),
    ("aten::cudnn_convolution", "mystery_kernel"),
    ("aten::embedding", "mystery_kernel"),
    ("aten::_scaled_dot_product_flash_attention", "mystery_kernel"),
    ("c10d::allreduce_", "mystery_kernel"),
]


@pytest.mark.parametrize(("op", "name"), PLANTED)
def test_a_wrong_rule_is_caught(tmp_path: Path, op: str, name: str) -> None:
    """A rule that calls it something else, as rules have done by a part of a word: said with its whole time."""
    trace = traced(tmp_path / "t.json", (op, name), ("aten::add", "elementwise_kernel"))
    assert breakdown(trace, RULES).contradictions == ()
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("- {category: Router, kernels: ['myst']}\n")
    found = breakdown(trace, load_rules(wrong))
    assert [(row.name, row.op, row.category, row.total_ns) for row in found.contradictions] == [
        (name, op, "Router", 10_000)
    ]
    assert found.contradicted_ns == 10_000


def test_the_rules_that_were_here_before_would_have_been_caught(tmp_path: Path) -> None:
    """`gemm` in `fbgemm`, `cutlass` in a norm of CuTe, every kernel of MIOpen a convolution."""
    trace = traced(
        tmp_path / "t.json",
        ("fbgemm::split_embedding_codegen_lookup", "void fbgemm_gpu::split_embedding_forward_kernel<float>(int)"),
        ("flashinfer::fused_add_rmsnorm", "kernel_cutlass_kernel_flashinfernormkernelsRMSNormKernel_object_at__0"),
        ("aten::miopen_batch_norm", "MIOpenBatchNormFwdTrainSpatial"),
    )
    assert breakdown(trace, RULES).contradictions == ()
    old = tmp_path / "old.yaml"
    old.write_text(
        "- {category: Convolution, kernels: [miopen]}\n- {category: Dense matmul, kernels: [gemm, cutlass]}\n"
    )
    assert len(breakdown(trace, load_rules(old)).contradictions) == 3


@pytest.mark.parametrize(
    ("op", "said"),
    [
        ("aten::native_batch_norm_backward", "norm"),
        ("aten::linalg_vector_norm", None),
        ("vllm::rotary_embedding", "rotary embedding"),
        ("vllm::causal_conv1d_fwd", "convolution"),
        ("aten::convolution_backward", "convolution"),
        ("aten::conj", None),
        ("aten::index_select", None),
        ("_c10d_functional::all_gather_into_tensor", "communication"),
        ("triton_poi_fused_native_layer_norm_1", None),
        ("", None),
    ],
)
def test_what_an_op_says(op: str, said: str | None) -> None:
    """By whole words of its own name; what Inductor fused is a list of others' names."""
    found = says(op)
    assert (found and found[0]) == said


def test_copies_contradict_nothing(tmp_path: Path) -> None:
    """A copy inside of an embedding is a copy."""
    rows = [host("cpu_op", "aten::embedding", 0, 50), host("cuda_runtime", "cudaMemcpyAsync", 5, 1, correlation=1)]
    found = breakdown(write(tmp_path / "t.json", [*rows, gpu(60, 10, "Memcpy DtoD", 1, cat="gpu_memcpy")]), RULES)
    assert found.contradictions == ()


def test_unknown_kernels_are_shown_by_their_namespace(tmp_path: Path) -> None:
    """And add up to what is uncategorised."""
    names = [
        "void acme::solver::a<int>(int)",
        "void acme::solver::b(int)",
        "advance_particles",
        "ampere_sgemm_128x64_nn",
    ]
    found = breakdown(traced(tmp_path / "t.json", *(("mylib::step", name) for name in names)), RULES)
    assert [(row.name, row.calls, row.total_ns) for row in found.unknown] == [
        ("acme::solver", 2, 20_000),
        ("", 1, 10_000),
    ]
    assert sum(row.total_ns for row in found.unknown) == found.uncategorised_ns
