"""The type, size and dtype of a collective, from torch's arguments or from the name of its kernel."""

from __future__ import annotations

import re
from functools import cache

from harness.trace.event import Arguments, whole_number
from harness.values.ranks import Kind

TYPES = (
    ("all_reduce", r"all_?reduce"),
    ("reduce_scatter", r"reduce_?scatter"),
    ("all_gather", r"all_?gather"),
    ("all_to_all", r"all_?to_?all"),
    ("broadcast", r"broadcast"),
    ("barrier", r"barrier"),
    ("send_recv", r"send_?recv"),
    ("send", r"send"),
    ("recv", r"recv"),
    ("gather", r"gather"),
    ("scatter", r"scatter"),
    ("reduce", r"reduce"),
)
"""First match wins; NCCL's `_allgather_base` and `allreduce_coalesced` are the same exchange."""
LIBRARY = re.compile(r"nccl|rccl|msccl|^(?:gloo|mpi|ucc):", re.IGNORECASE)
CUSTOM = re.compile(r"cross_device_reduce_[12]stage")
"""Kernels of vLLM and SGLang."""
SEND, SEND_RECV = "send", "send_recv"
POINT_TO_POINT = frozenset({SEND, "recv", SEND_RECV})
SYNCHRONISING = frozenset({"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "barrier"})
"""No rank can leave before the last has come: clocks are aligned by the ends of these."""

BYTES = {
    "double": 8, "float64": 8, "long": 8, "int64": 8, "int": 4, "int32": 4, "float": 4, "float32": 4, "half": 2,
    "float16": 2, "bfloat16": 2, "short": 2, "char": 1, "int8": 1, "byte": 1, "uint8": 1, "bool": 1,
}  # fmt: skip
SHORT = {"bfloat16": "bf16", "float": "f32", "half": "f16", "double": "f64", "long": "i64", "int": "i32"}
KERNEL_DTYPE = re.compile(
    r"_(bf16|f16|f32|f64|half|float|double|[iu](?:8|32|64)|u?int(?:8|32|64)_t|f8e[45]m[23])(?![a-z0-9])"
)


@cache
def type_of(name: str) -> str:
    """`_reduce_scatter_base` -> `reduce_scatter`; "" for any other name."""
    return next((kind for kind, pattern in TYPES if re.search(pattern, name, re.IGNORECASE)), "")


@cache
def kind_of_kernel(name: str) -> Kind | None:
    """The kind, as far as the name of a kernel or of a gloo row tells; None for a kernel that is no library's
    collective."""
    if CUSTOM.search(name):
        return Kind("all_reduce")
    found = type_of(name) if LIBRARY.search(name) else ""
    if not found:
        return None
    dtype = KERNEL_DTYPE.search(name)
    return Kind(found, dtype=dtype[1] if dtype else "")


def kind_of(said: Arguments) -> Kind | None:
    """The kind from torch's arguments. bytes as in nccl-tests: the larger of both buffers, the received one for an
    all-gather, the sent one for a reduce-scatter."""
    found = type_of(str(said.collective))
    if not found:
        return None
    dtype = str(said.dtype or "").lower().removeprefix("torch.")
    each = BYTES.get(dtype, 1 if "float8" in dtype else 0)
    elements = max(_whole(said.elements_in), _whole(said.elements_out))
    return Kind(found, group_of(said), _whole(said.group_size), SHORT.get(dtype, dtype), each * elements)


def group_of(said: Arguments) -> str:
    """A group by name and members: subgroups of one name may be on other ranks."""
    ranks = said.group_ranks
    members = ranks if isinstance(ranks, str) else str(ranks) if isinstance(ranks, list) else ""
    name = "" if said.group is None else str(said.group)
    return f"{name} {members.replace(' ', '')}".strip()


def members(group: str) -> tuple[int, ...]:
    """`0 [0,1,4]` -> the ranks; empty where the trace lists none, or only some (`[0,1,...,7]`)."""
    found = re.search(r"\[([\d,]+)\]$", group)
    return tuple(int(rank) for rank in found[1].split(",") if rank) if found else ()


def sequence_of(said: Arguments) -> int | None:
    """The number of a collective in its group: the same on every rank."""
    value = said.sequence
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def peer_of(said: Arguments) -> int | None:
    """The other end of a send or recv, by its rank in the job."""
    return whole_number(said.destination if said.destination is not None else said.source)


def bus_factor(type_: str, size: int) -> float:
    """Factor from algorithm to bus bandwidth: the load of the slowest link, whatever the algorithm.

    Source: nccl-tests, doc/PERFORMANCE.md, "Bus bandwidth": 2(n-1)/n for all-reduce, (n-1)/n for reduce-scatter,
    all-gather and all-to-all, 1 for broadcast, reduce and a send from one rank to another.
    """
    if size < 2:
        return 0.0
    if type_ == "all_reduce":
        return 2 * (size - 1) / size
    if type_ in ("reduce_scatter", "all_gather", "all_to_all"):
        return (size - 1) / size
    return 1.0 if type_ in ("broadcast", "reduce", SEND_RECV) else 0.0


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
