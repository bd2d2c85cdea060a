"""Plants a slowdown in a Triton kernel: `plant.py kernels/moe_gate_up/triton_vecmat.py PERCENT`.

Every program multiplies and adds to its rows' sums for so long behind its loop, and adds nothing to the result: work in
proportion to the tile, rows x k. Two sides are compared that have it both, for more and for less long: what the
compiler makes of the rest moves the time by more than a small plant. On an H100 a kernel with this took 3.9 % longer
than one without, besides the time of the work itself, and one with a second loop over a few blocks of k took 26 % less.
What the time becomes is for the comparison to say.
"""

from __future__ import annotations

import sys
from pathlib import Path

BEFORE = "    tl.store(out + pair"
WEIGHTS_PER_STEP = 800
"""Of a tile of 32 x 2048 weights 1 % is then 82 steps of 16 multiply-adds a thread: 1,310 cycles of the 130,000 that
the kernel takes on an H100 with two blocks a multiprocessor, one warp on each of its four schedulers."""
PLANTED = """\
    again = total
    for _ in range({percent} * K * BLOCK_N // {weights}):
        again = again * 0.5 + total
    total += again * 0.0
"""


def planted(text: str, percent: int) -> str:
    """The kernel's source with the extra work before it stores. Raises ValueError where it is another kernel."""
    if text.count(BEFORE) != 1:
        raise ValueError(f"not the kernel that this knows: `{BEFORE.strip()}` is in it {text.count(BEFORE)} times")
    return text.replace(BEFORE, PLANTED.format(percent=percent, weights=WEIGHTS_PER_STEP) + BEFORE)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(planted(file.read_text(), int(sys.argv[2])))
