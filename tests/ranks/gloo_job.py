"""A job of several processes on one machine that knows no profiler: `torchrun gloo_job.py`. The last rank is late by
one op."""

from __future__ import annotations

import time

import torch
import torch.distributed as dist

DELAY_S = 0.02
ROUNDS = 10


def main() -> None:
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    torch.set_num_threads(1)
    values, matrix = torch.ones(1024), torch.ones(64, 64)
    dist.barrier()
    for _ in range(ROUNDS):
        torch.mm(matrix, matrix)
        if rank == world - 1:
            until = time.perf_counter() + DELAY_S
            while time.perf_counter() < until:
                torch.cumsum(torch.ones(200_000), 0)
        dist.all_reduce(values)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
