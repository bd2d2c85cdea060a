"""Large traces made of a small one: the same events again and again, later and with launches of their own."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from tests.trace.made import gpu, host, text

MOVED = re.compile(rb'"(ts|correlation)":\s*(\d+)')
STEP_US = 10_000_000
CORRELATIONS = 10_000_000


def small_trace(shared: str) -> bytes:
    """A recorded trace where the folder of shared ones is known; otherwise one that is made up."""
    recorded = Path(shared) / "hf_qwen35_moe_8l_h100_eager.json.gz"
    if shared and recorded.is_file():
        return gzip.decompress(recorded.read_bytes())
    rows = []
    for at in range(5_000):
        rows += [
            host("user_annotation", f"layer {at % 40}", 100 * at, 90.125),
            host("cpu_op", "aten::linear", 100 * at + 1, 80.25, **{"External id": at, "Record function id": 0}),
            host("cpu_op", "aten::mm", 100 * at + 2, 60.5, **{"External id": at, "Ev Idx": at}),
            host("cuda_runtime", "cudaLaunchKernel", 100 * at + 9, 4.75, cbid=211, correlation=at),
            gpu(100 * at + 50, 20.375, f"nvjet_sm90_tst_{at % 60}x8_64x3_2x1_v_bz_TNT", at),
        ]
    return text(rows).encode()


def write_large(source: bytes, path: Path, size_bytes: int) -> Path:
    """At least `size_bytes` of JSON: copies of all events, each later than the one before."""
    start = source.index(b"[", source.index(b'"traceEvents"')) + 1
    end = source.rindex(b"]")
    head, events, tail = source[:start], source[start:end].rstrip(), source[end:]
    with path.open("wb") as file:
        file.write(head)
        for copy in range(-(-size_bytes // len(events))):
            step = {b"ts": copy * STEP_US, b"correlation": copy * CORRELATIONS}
            moved = MOVED.sub(lambda m, step=step: b'"%s": %d' % (m[1], int(m[2]) + step[m[1]]), events)
            file.write((b",\n" if copy else b"") + moved)
        file.write(tail)
    return path
