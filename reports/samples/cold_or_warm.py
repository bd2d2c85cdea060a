"""The vecmat pair at its published and baseline blocks, with weights from memory and with weights in the cache.

A figure for these kernels means little without saying which. Usage: python3 reports/samples/cold_or_warm.py, on a GPU.
"""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path

import torch

from harness import kernels_root

ROOT = Path(__file__).resolve().parents[2]
DIMS = {"tokens": 1, "experts": 256, "top_k": 8, "inter": 512, "hidden": 2048, "group": 128}
BLOCKS = {"moe_gate_up": [(32, 32), (8, 256), (8, 32)], "moe_down": [(32, 32), (8, 128), (8, 256)]}
CALLS, REPLAYS = 32, 21


def main() -> None:
    """Print microseconds per call, medians of 21 replays of a graph of 32 calls."""
    kernels_root.bind(ROOT / "kernels")
    from harness.device.choice import open_device
    from harness.load_kernels import load_op, load_operands, load_variant
    from harness.measure.operand_sets import arguments

    timer = open_device().timer("cuda_graph")
    generator = torch.Generator("cuda").manual_seed(0)
    print(
        f"{torch.cuda.get_device_name(0)}, us per call: n,k w2 | other experts every call | the same experts every call"
    )
    for name, blocks in BLOCKS.items():
        op, variant = load_op(name), load_variant(name, "triton_vecmat", str(ROOT))
        raw = load_operands().make(op.op, DIMS, torch.bfloat16, "cuda", generator, "uniform")
        sets = [{**raw, **drawn} for drawn in load_operands().redraw(op.op, DIMS, "cuda", generator, "uniform", CALLS)]
        for block_n, block_k in blocks:
            found = []
            for operands in (sets, [sets[0]] * CALLS):
                run = partial(variant.run, block_n=block_n, block_k=block_k, num_warps=2, num_stages=2)
                timed = timer.prepare([partial(run, *arguments(op, one)) for one in operands])
                found.append(statistics.median(timed.sample_us() for _ in range(REPLAYS)))
            print(f"{name:12} {block_n:3},{block_k:<3} | {found[0]:6.2f} | {found[1]:6.2f}")


if __name__ == "__main__":
    main()
