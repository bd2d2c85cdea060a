"""Two ranks over gloo, one with an op more before each collective: `torchrun late_by_little.py FOLDER TRIALS`.

Each trial is a folder of two traces; the rank that is late is in its name, `none` where none is.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch.profiler import ProfilerActivity, profile

DELAY_S = 50e-6
ROUNDS = 600


def main(folder: Path, trials: int) -> None:
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    torch.set_num_threads(1)
    chosen = random.Random(7)  # alike on both ranks
    for trial in range(trials):
        late = chosen.choice((0, 1)) if trial % 2 else None
        place = folder / f"{trial:02d}-{'none' if late is None else late}"
        place.mkdir(parents=True, exist_ok=True)
        dist.barrier()
        with profile(activities=[ProfilerActivity.CPU]) as found:
            work(late == rank)
        found.export_chrome_trace(str(place / f"rank{rank}.json"))
    dist.destroy_process_group()


def work(late: bool) -> None:
    values, matrix = torch.ones(256), torch.ones(32, 32)
    many, sums = torch.ones(4_000), torch.empty(4_000)
    dist.barrier()
    for _ in range(ROUNDS):
        torch.mm(matrix, matrix)
        if late:
            until = time.perf_counter() + DELAY_S
            while time.perf_counter() < until:
                torch.cumsum(many, 0, out=sums)
        dist.all_reduce(values)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
