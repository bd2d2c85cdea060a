"""Plants a slowdown in a Triton kernel: `plant.py kernels/moe_gate_up/triton_vecmat.py PERCENT`.

Every program does so much of its loop again, over its own first blocks of k, and adds nothing to the result: work in
proportion to the tile, whatever the blocks are. Where that is not a whole number of blocks, some programs do one more.
What the time becomes is for the comparison to say: blocks that are read twice come from a cache.
"""

from __future__ import annotations

import sys
from pathlib import Path

BEFORE = "    tl.store(out + pair"
PLANTED = """\
    hundredths: tl.constexpr = {percent} * (K // BLOCK_K)
    extra = hundredths // 100 + (tl.program_id(0) % 100 < hundredths % 100).to(tl.int32)
    again = tl.zeros((BLOCK_N,), dtype=tl.float32)
    for start in range(0, extra * BLOCK_K, BLOCK_K):
        values = tl.load(x_at - K + start)
        repeated = weight_at - K // 2 + start // 2
        again = vecmat_step(again, values, repeated, scale_rows, start, k, k < K - start, rows_ok, GROUP, BLOCK_K)
    total += again * 0.0
"""


def planted(text: str, percent: int) -> str:
    """The kernel's source with the extra work before it stores. Raises ValueError where it is another kernel."""
    if text.count(BEFORE) != 1:
        raise ValueError(f"not the kernel that this knows: `{BEFORE.strip()}` is in it {text.count(BEFORE)} times")
    return text.replace(BEFORE, PLANTED.format(percent=percent) + BEFORE)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(planted(file.read_text(), int(sys.argv[2])))
