"""What a collective is, from what torch says and from names of kernels, and how much of a link it needs."""

from __future__ import annotations

import msgspec
import pytest

from harness.ranks.collectives import bus_factor, kind_of, kind_of_kernel, members, type_of
from harness.trace.event import Arguments


@pytest.mark.parametrize(
    ("name", "kind", "dtype"),
    [
        ("ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)", "all_reduce", "bf16"),
        ("ncclKernel_AllReduce_RING_LL_Sum_half(ncclWorkElem)", "all_reduce", "half"),
        ("ncclDevKernel_AllGather_RING_LL(ncclDevKernelArgsStorage<4096ul>)", "all_gather", ""),
        ("ncclDevKernel_ReduceScatter_Sum_f32_RING_SIMPLE", "reduce_scatter", "f32"),
        ("ncclDevKernel_Broadcast_RING_LL", "broadcast", ""),
        ("ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)", "send_recv", ""),
        ("void vllm::cross_device_reduce_1stage<__nv_bfloat16, 8>(vllm::RankData*)", "all_reduce", ""),
        ("gloo:all_gather", "all_gather", ""),
    ],
)
def test_names_of_kernels_say_what_they_are(name: str, kind: str, dtype: str) -> None:
    """Of NCCL from 2.10 on, vLLM and gloo."""
    found = kind_of_kernel(name)
    assert found is not None and (found.type, found.dtype) == (kind, dtype)


@pytest.mark.parametrize("name", ["ampere_sgemm", "void at::native::reduce_kernel<512>", "rcclGenericKernel", "gather"])
def test_what_is_no_collective_is_none(name: str) -> None:
    """A reduction of one GPU waits for nobody."""
    assert kind_of_kernel(name) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("allreduce", "all_reduce"), ("_allgather_base", "all_gather"), ("all_to_all_single", "all_to_all"),
        ("allgather_into_tensor_coalesced", "all_gather"),
        ("_reduce_scatter_base", "reduce_scatter"), ("all_to_allv", "all_to_all"), ("alltoall_base", "all_to_all"),
        ("barrier", "barrier"), ("send", "send"), ("wait", ""),
    ],
)  # fmt: skip
def test_torch_names_are_one_type(name: str, kind: str) -> None:
    """Whatever the call was."""
    assert type_of(name) == kind


def test_bytes_are_those_of_the_larger_buffer() -> None:
    """nccl-tests counts what an all-gather receives and what a reduce-scatter sends."""
    text = (
        b'{"Collective name": "_allgather_base", "In msg nelems": 10, "Out msg nelems": 80, "dtype": "BFloat16",'
        b' "Group size": 8, "Process Group Name": "1", "Process Group Ranks": "[0, 1, 2, 3, 4, 5, 6, 7]", "Seq": 5}'
    )
    kind = kind_of(msgspec.json.decode(text, type=Arguments))
    assert kind is not None and (kind.bytes, kind.size, kind.dtype) == (160, 8, "bf16")
    assert members(kind.group) == tuple(range(8)) and members("1 [0,1,...,63]") == ()


def test_nonsense_in_arguments_is_no_traceback() -> None:
    """Values of any type."""
    for value in (b"null", b"[]", b'"x"', b"{}", b"-1", b"1.5", b"true"):
        text = b'{"Collective name": "allreduce", "In msg nelems": V, "Group size": V, "dtype": V, "Seq": V, '
        text += b'"Process Group Name": V, "Process Group Ranks": V}'
        kind = kind_of(msgspec.json.decode(text.replace(b"V", value), type=Arguments))
        assert kind is not None and kind.type == "all_reduce" and kind.bytes >= 0


@pytest.mark.parametrize(
    ("kind", "size", "factor"),
    [("all_reduce", 8, 1.75), ("all_gather", 8, 0.875), ("reduce_scatter", 2, 0.5), ("broadcast", 4, 1.0),
     ("all_reduce", 1, 0.0), ("gather", 4, 0.0)],
)  # fmt: skip
def test_bus_bandwidth_is_that_of_nccl_tests(kind: str, size: int, factor: float) -> None:
    """doc/PERFORMANCE.md of nccl-tests."""
    assert bus_factor(kind, size) == factor
