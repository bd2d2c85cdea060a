"""A live job of four processes over gloo: the rank that one op makes late, and that op, are named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.ranks.job import read_job
from harness.ranks.recognise import recognise
from harness.trace.inputs.members import trace_files
from tests.ranks import gloo_job

RANKS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("gloo")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={RANKS}"]
    done = subprocess.run(
        [*command, str(Path(gloo_job.__file__)), str(found)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[:3000]
    return found


def test_the_late_rank_and_its_op_are_named(folder: Path) -> None:
    """Whatever else the machine does meanwhile: the delay is 20 ms, ten times."""
    with trace_files([folder]) as files:
        ranks = recognise(files)
        assert ranks is not None and ranks.recognised == "distributedInfo" and ranks.backend == "gloo"
        job = read_job(ranks).job
    assert job.device == "cpu" and len(job.ranks) == RANKS and not job.lacking
    assert job.straggler is not None and job.straggler.rank == RANKS - 1
    why = next(row for row in job.causes if row.rank == RANKS - 1)
    assert why.cause in ("aten::cumsum", "aten::ones", "aten::fill_") and why.excess_ns > 0
    (calls,) = [row for row in job.calls if row.kind.type == "all_reduce"]
    assert calls.count == gloo_job.ROUNDS and calls.wait_ns + calls.transfer_ns == calls.total_ns
    assert calls.wait_ns > (RANKS - 1) * gloo_job.ROUNDS * gloo_job.DELAY_S * 1e9 / 2
    for row in job.ranks:
        assert row.compute_ns + row.exposed_ns + row.copies_ns + row.idle_ns == row.span_ns
