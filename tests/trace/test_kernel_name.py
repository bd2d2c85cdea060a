"""What the name of a kernel says, however the compiler wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.trace.kernel_name import kernel_name, words


@pytest.mark.parametrize(
    ("name", "namespace", "said"),
    [
        ("void fbgemm_gpu::permute_2D_kernel<false, int>(int*)", "fbgemm_gpu", "permute_2_d_kernel<false, int>"),
        ("void a::(anonymous namespace)::f<b::C, 3>(int)", "a", "f<c, 3>"),
        ("void a::<unnamed>::CatArray<int>(int)", "a", "cat_array<int>"),
        ("_ZN7deep_ep9intranode7combineI13__nv_bfloat16Li8EEEvPT_", "deep_ep::intranode", "combine<__nv_bfloat16"),
        ("_ZN7cutlass13device_kernelINS5_17GroupProblemShapeIiEEEEvT_", "cutlass", "device_kernel<group_problem_shape"),
        ("_ZN5aiter3fooIDF16bDF16_Li256EEEvPT0_", "aiter", "foo"),
        ("_Z15fused_moe_gemm1PfS_", "", "fused_moe_gemm1"),
        ("kernel_cutlass_kernel_quackrmsnormRMSNorm_object_at__tensorptrbf16_0", "", "quackrmsnorm_rms_norm"),
        ("std::enable_if<(((8)>(0)))&&b::x, void>::type vllm::f<c10::H>(int)", "vllm", "f<h>"),
        ("aten::conv2d", "aten", "conv2d"),
        ("_fused_moe_kernel", "", "_fused_moe_kernel"),
        ("", "", ""),
    ],
)
def test_a_name_is_its_namespace_and_its_words(name: str, namespace: str, said: str) -> None:
    """Mangled or not; arguments, and namespaces of template arguments, are no part of it."""
    assert kernel_name(name)[1:] == (namespace, said)


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        ("BatchDecodeWithPagedKVCache", "batch_decode_with_paged_kv_cache"),
        ("FusedAddRMSNorm", "fused_add_rms_norm"),
        ("gatherTopK", "gather_top_k"),
        ("s16816gemm", "s16816gemm"),
    ],
)
def test_joined_words_come_apart(text: str, apart: str) -> None:
    """At a change from small to capital letters."""
    assert words(text) == apart


@given(st.text(alphabet="_ZNEILS0123456789abcT<>:,() ", max_size=60))
def test_no_name_raises(name: str) -> None:
    """Cut off, half mangled, or nonsense."""
    found = kernel_name(name)
    assert kernel_name("_Z" + name) and found.words == found.words.lower()


def test_a_name_without_borders_is_looked_at_up_to_a_length() -> None:
    """Rules take the square of an identifier's length: what no library calls a kernel costs no seconds."""
    for letter in ("1", "a_", "Aa"):
        assert max(map(len, kernel_name(letter * 5000 + "<gemm>").words.split("<"))) < 1000
    assert kernel_name("x" * 250 + "_gemm").words.endswith("_gemm")
