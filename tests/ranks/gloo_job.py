"""A job of several processes on one machine: `torchrun gloo_job.py FOLDER`. The last rank is late by one op."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch.profiler import ProfilerActivity, profile

DELAY_S = 0.02
ROUNDS = 10


def main(folder: Path) -> None:
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    torch.set_num_threads(1)
    values, matrix = torch.ones(1024), torch.ones(64, 64)
    dist.all_reduce(values)
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        dist.barrier()
        for _ in range(ROUNDS):
            torch.mm(matrix, matrix)
            if rank == world - 1:
                until = time.perf_counter() + DELAY_S
                while time.perf_counter() < until:
                    torch.cumsum(torch.ones(200_000), 0)
            dist.all_reduce(values)
    recorded.export_chrome_trace(str(folder / f"rank{rank}.json"))
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(Path(sys.argv[1]))
