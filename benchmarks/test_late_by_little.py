"""50 us before each collective of one of two ranks over gloo, live, whatever else the machine does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.ranks.job import read_job
from harness.ranks.recognise import recognise
from harness.trace.inputs.members import trace_files
from harness.worker.launch import reaching_harness

TRIALS = 40
JOB = Path(__file__).parent / "late_by_little.py"


def test_the_late_rank_and_its_op_are_named_and_equal_ranks_are_not(tmp_path: Path) -> None:
    """20 of 20 with the delay; 0 of 20 without."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run([*torchrun, str(JOB), str(tmp_path), str(TRIALS)], check=True, env=reaching_harness(os.environ))
    named, falsely = 0, 0
    for folder in sorted(tmp_path.iterdir()):
        with trace_files([folder]) as files:
            ranks = recognise(files)
            assert ranks is not None
            (row,) = [row for row in read_job(ranks).job.steady if row.kind.type == "all_reduce"]
        wanted = folder.name.partition("-")[2]
        said = f"late: {row.cause} {row.cause_ns / 1e3:.1f} us" if row.late else "cannot tell"
        low, high = row.low_ns / 1e3, row.high_ns / 1e3
        print(f"{folder.name}: rank {row.rank} {row.later_ns / 1e3:.1f} [{low:.1f}, {high:.1f}] us, {said}")
        if wanted == "none":
            falsely += row.late
        else:
            named += row.late and str(row.rank) == wanted and row.cause == "aten::cumsum"
    assert (named, falsely) == (TRIALS // 2, 0)
