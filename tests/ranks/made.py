"""Traces of several ranks, made up: one program on each, one rank later by a planted delay, clocks of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

Row = dict[str, Any]
LAYER_US = 120
"""Of one layer: its compute and its all-reduce."""


def rank_rows(rank: int, world: int, layers: int, delay_us: float = 0, seed: int = 0) -> Iterator[Row]:
    """Ten kernels a layer, then an all-reduce that ends when the last rank has come. delay_us: what the op
    `planted::slow` takes longer on the last rank, in every layer. Times by the rank's own clock."""
    shift_us, noise = 1_000_000.0 * rank + 0.137 * rank, Random(f"{seed} {rank}")
    moments = _arrivals(world, layers, delay_us, seed)
    for layer in range(layers):
        start, arrival, end = moments[layer][rank]
        base, correlation = shift_us + start, layer * 16
        for n in range(11):
            name, op, length = f"nvjet_sm90_tst_{n}x8_64x3_v_bz_TNT", "aten::mm", 8.0
            if n == 10:
                name, op = "planted_kernel", "planted::slow"
                length = arrival - start - 82 - 0.5
            at = base + 8.2 * n
            yield _host("cpu_op", op, at - 40, 7.5, rank)
            yield _host("cuda_runtime", "cudaLaunchKernel", at - 38, 4.75, rank, correlation=correlation + n)
            yield _gpu(name, at, round(length + 0.001 * noise.randrange(100) * (n < 10), 3), correlation + n, 7, rank)
        yield _host("cpu_op", "c10d::allreduce_", base + arrival - start - 30, 9, rank)
        launch = base + arrival - start - 28
        yield _host("cuda_runtime", "cudaLaunchKernelExC", launch, 5, rank, correlation=correlation + 15)
        said = {
            "Collective name": "allreduce", "In msg nelems": 1 << 20, "Out msg nelems": 1 << 20, "Group size": world,
            "dtype": "BFloat16", "Process Group Name": "0", "Process Group Ranks": str(list(range(world))),
            "Seq": layer + 1,
        }  # fmt: skip
        name = "ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)"
        yield _gpu(name, base + arrival - start, round(end - arrival, 3), correlation + 15, 20, rank, **said)


def _arrivals(world: int, layers: int, delay_us: float, seed: int) -> list[list[tuple[float, float, float]]]:
    """For each layer and rank: when its kernels start, when it comes to the all-reduce, when that ends."""
    random = Random(seed)
    ready = [0.0] * world
    found = []
    for _ in range(layers):
        starts = list(ready)
        arrivals = [start + 92 + random.random() + delay_us * (rank == world - 1) for rank, start in enumerate(starts)]
        ends = [max(arrivals) + 18 + 0.4 * random.random() for _ in arrivals]
        found.append([(round(s, 3), round(a, 3), round(e, 3)) for s, a, e in zip(starts, arrivals, ends, strict=True)])
        ready = [end + 2 for end in ends]
    return found


def _gpu(name: str, start: float, length: float, correlation: int, stream: int, rank: int, **said: Any) -> Row:
    args = {
        "External id": correlation, "queued": 0, "device": rank, "context": 1, "stream": stream,
        "correlation": correlation, "registers per thread": 168, "shared memory": 213_000, "blocks per SM": 1.0,
        "warps per SM": 12.0, "grid": [132, 1, 1], "block": [384, 1, 1], "est. achieved occupancy %": 19, **said,
    }  # fmt: skip
    return {
        "ph": "X", "cat": "kernel", "name": name, "pid": rank, "tid": stream, "ts": round(start, 3),
        "dur": round(float(length), 3), "args": args,
    }  # fmt: skip


def _host(cat: str, name: str, start: float, length: float, rank: int, **args: Any) -> Row:
    return {
        "ph": "X", "cat": cat, "name": name, "pid": 1000 + rank, "tid": 1000 + rank, "ts": round(start, 3),
        "dur": round(float(length), 3), "args": {"External id": 1, "Record function id": 0, **args},
    }  # fmt: skip


def write_rank(
    path: Path, rank: int, world: int, layers: int, delay_us: float = 0, seed: int = 0, size_bytes: int = 0
) -> Path:
    """size_bytes: what is missing is filled with rows of Python's stack, which `with_stack` records most of."""
    info = {"backend": "nccl", "rank": rank, "world_size": world}
    with path.open("w") as file:
        file.write(f'{{"schemaVersion": 1, "distributedInfo": {json.dumps(info)}, "traceEvents": [\n')
        file.write(",\n".join(json.dumps(row) for row in rank_rows(rank, world, layers, delay_us, seed)))
        number = 0
        while file.tell() < size_bytes:
            rows = [json.dumps(_stack(rank, number + n)) for n in range(1000)]
            file.write(",\n" + ",\n".join(rows))
            number += 1000
        file.write("\n]}")
    return path


def _stack(rank: int, number: int) -> Row:
    row = _host("python_function", f"torch/nn/modules/module.py({number % 1900}): _call_impl", 1.5 * number, 1, rank)
    return row | {"args": {"Python id": number, "Python parent id": number // 2, "Python module id": number % 70}}
