"""A large trace costs few bytes an event; `benchmarks/test_traces.py` has what it costs in time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.trace.made import gpu, host, text

READ = """
import resource, sys
from harness.trace import breakdown, load_rules
rules = load_rules()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
events = breakdown(sys.argv[1], rules).events
print(events, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""

ROUNDS = 60_000


def test_memory_stays_below_60_bytes_an_event(tmp_path: Path) -> None:
    """Beside 24 MB for the blocks in hand."""
    one = [
        host("cpu_op", "aten::linear", 100, 9, External=1),
        host("cpu_op", "aten::mm", 101, 7, External=2),
        host("cuda_runtime", "cudaLaunchKernel", 103, 2, correlation=4711),
        gpu(150, 2.5, "nvjet_sm90_tst_512x8_64x3_2x1_v_bz_TNT", 4711),
        host("python_function", "nn.Module: Linear_0", 99, 12),
    ]
    block = text(one)[text(one).index("[") + 1 : text(one).rindex("]")]
    path = tmp_path / "large.json"
    with path.open("w") as file:
        file.write('{"traceEvents": [')
        for at in range(ROUNDS):
            moved = block.replace('"ts": 1', f'"ts": {9 + at}1').replace("4711", str(at))
            file.write(moved + (", " if at < ROUNDS - 1 else ""))
        file.write("]}")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=True,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
    )
    events, grown_bytes = map(float, done.stdout.split())
    assert events == 5 * ROUNDS
    assert grown_bytes < 24e6 + 60 * events
