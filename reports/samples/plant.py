"""Plants a slowdown in a Triton kernel: `plant.py kernels/moe_gate_up/triton_vecmat.py PERCENT`.

Every program runs extra multiply-adds on its rows' sums behind its loop, and adds nothing to the result. The extra work
is in proportion to the tile, rows x k. Both sides of a comparison have the plant, one with more steps: its effect on
the compilation of the rest moves the time by more than a small plant does. On an H100 a kernel with the plant took
3.9 % longer than one without, besides the time of the work itself. A kernel with a second loop over a few blocks of k
took 26 % less. Only the comparison can tell the resulting time.
"""

from __future__ import annotations

import sys
from pathlib import Path

BEFORE = "    tl.store(out + pair"
WEIGHTS_PER_STEP = 800
"""Weights of a tile for each step: 1 % of a tile of 32 x 2048 weights is then 82 steps of 16 multiply-adds a thread.
These take 1,310 of the 130,000 cycles that the kernel takes on an H100 with two blocks a multiprocessor, one warp on
each of its four schedulers."""
PLANTED = """\
    again = total
    for _ in range({percent} * K * BLOCK_N // {weights}):
        again = again * 0.5 + total
    total += again * 0.0
"""


def planted(text: str, percent: int) -> str:
    """The kernel's source with the extra work before it stores. Raises ValueError for any other kernel."""
    if text.count(BEFORE) != 1:
        raise ValueError(f"not the kernel that this knows: `{BEFORE.strip()}` is in it {text.count(BEFORE)} times")
    return text.replace(BEFORE, PLANTED.format(percent=percent, weights=WEIGHTS_PER_STEP) + BEFORE)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(planted(file.read_text(), int(sys.argv[2])))
