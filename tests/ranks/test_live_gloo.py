"""A live job of three processes over gloo: the rank that one op makes late, and that op, are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.ranks.job import read_job
from harness.ranks.recognise import recognise
from harness.store import Store
from harness.trace.inputs.members import trace_files
from harness.worker.launch import reaching_harness
from harness_reports.pages import program
from tests.ranks import gloo_job

pytestmark = pytest.mark.slow
RANKS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a store, and the traces in `kept`."""
    found = tmp_path_factory.mktemp("gloo")
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={RANKS}"]
    profile = ["-m", "harness", "profile", "--store", "runs.sqlite", "--keep-traces", "kept", "--json"]
    done = subprocess.run(
        [sys.executable, *torchrun, *profile, "--", str(Path(gloo_job.__file__))],
        cwd=found, env=reaching_harness(os.environ), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[:3000]
    (found / "out.json").write_text(done.stdout)
    return found


def test_the_ranks_of_a_job_are_one_stored_profile(folder: Path) -> None:
    """A program that knows no profiler, under torchrun: standard output has the one document of all ranks."""
    document = json.loads((folder / "out.json").read_text())
    assert document["program"]["world_size"] == RANKS and document["program"]["failed"] == {}
    assert len(document["program"]["job"]["ranks"]) == RANKS and document["state"] == "complete"
    store = Store(str(folder / "runs.sqlite"))
    (summary,) = store.runs()
    run = store.load(summary.id)
    store.close()
    ranks = [f"rank {number}" for number in range(RANKS)]
    assert run.suite == "gloo_job.py" and [profile.arm for profile in run.profiles] == ranks
    assert run.program is not None and run.program.job is not None and len(run.program.lines) == RANKS
    assert run.program.job.straggler is not None and run.program.job.straggler.rank == RANKS - 1
    assert "rank 3 was late" in program.plain(run) and "rank 3 was late" in program.page(run)
    assert sorted(path.name for path in (folder / "kept").iterdir()) == [f"rank{rank}.json.gz" for rank in range(RANKS)]
    assert not list((folder / "ranks").iterdir())


def test_the_late_rank_and_its_op_are_named(folder: Path) -> None:
    """Whatever else the machine does meanwhile: the delay is 20 ms, ten times."""
    with trace_files([folder / "kept"]) as files:
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
