"""Ranks of one job: who was late and why, and sums that are exact whatever the traces."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.ranks.job import Found, read_job
from harness.ranks.recognise import recognise
from harness.trace import breakdown, load_rules
from harness.trace.inputs.members import TraceFile
from tests.ranks.made import rank_rows, write_rank
from tests.trace.made import gpu, host

RULES = load_rules()


def job_of(paths: list[Path], wanted: bool | None = None) -> Found:
    ranks = recognise([TraceFile(path, str(path)) for path in paths], wanted)
    assert ranks is not None
    return read_job(ranks)


@pytest.mark.parametrize("trial", range(20))
def test_a_rank_that_is_50_us_late_is_named_with_the_op_that_made_it_late(tmp_path: Path, trial: int) -> None:
    """In each of 20 traces, although clocks differ by a second and every arrival and end has noise."""
    paths = [write_rank(tmp_path / f"{rank}.json", rank, 2, 10, 50.0, trial) for rank in range(2)]
    job = job_of(paths).job
    assert job.straggler is not None and job.straggler.rank == 1 and job.straggler.came_last == 10
    assert {row.cause for row in job.late} == {"planted::slow: planted_kernel"}
    assert {row.doing for row in job.late} == {"planted::slow: planted_kernel"}
    assert all(45_000 < row.late_ns < 55_000 and 45_000 < row.excess_ns < 55_000 for row in job.late)


def test_without_a_delay_nobody_is_named_for_long(tmp_path: Path) -> None:
    """The same traces without the delay: waits are the noise of arrivals, and both ranks come last."""
    paths = [write_rank(tmp_path / f"{rank}.json", rank, 2, 40, 0.0, 3) for rank in range(2)]
    job = job_of(paths).job
    assert all(0 < row.came_last < 40 for row in job.ranks)
    assert max(row.late_ns for row in job.late) < 2_000


def test_wait_and_transfer_are_the_time_of_the_collectives(tmp_path: Path) -> None:
    """To the nanosecond, for every kind; and each rank's parts are its span."""
    found = job_of([write_rank(tmp_path / f"{rank}.json", rank, 4, 25, 30.0, 5) for rank in range(4)])
    (calls,) = found.job.calls
    of_profiles = sum(
        row.total_ns for profile in found.profiles for row in profile.categories if row.name == "Communication"
    )
    assert calls.wait_ns + calls.transfer_ns == calls.total_ns == of_profiles
    assert calls.wait_ns == sum(row.wait_ns for row in found.job.ranks) == sum(r.held_up_ns for r in found.job.ranks)
    assert calls.count == 25 and sum(calls.last.values()) == 25
    for row in found.job.ranks:
        assert row.compute_ns + row.exposed_ns + row.copies_ns + row.idle_ns == row.span_ns


def test_bandwidths_are_those_of_nccl_tests(tmp_path: Path) -> None:
    """2 MiB in the time from the last arrival to the last end; times 2(n-1)/n on the bus."""
    found = job_of([write_rank(tmp_path / f"{rank}.json", rank, 4, 25, 30.0, 5) for rank in range(4)])
    (calls,) = found.job.calls
    assert calls.kind.bytes == 2 << 20 and calls.kind.size == 4 and calls.kind.dtype == "bf16"
    assert 2 * 2**20 / 19_000 < 2 * calls.algorithm_gb_s < 2 * 2 * 2**20 / 18_000
    assert calls.bus_gb_s == pytest.approx(1.5 * calls.algorithm_gb_s)


def test_files_of_one_process_and_of_several_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large jobs are read by several processes."""
    paths = [write_rank(tmp_path / f"{rank}.json", rank, 3, 6, 50.0, 1) for rank in range(3)]
    alone = job_of(paths)
    monkeypatch.setattr("harness.ranks.job.SMALL_BYTES", 0)
    assert job_of(paths) == alone


def test_a_rank_that_lacks_a_collective_is_named(tmp_path: Path) -> None:
    """By its number in the group; the others are matched all the same."""
    paths = []
    for rank in range(3):
        rows = [row for row in rank_rows(rank, 3, 8, 0, 2) if not (rank == 1 and row["args"].get("Seq") == 4)]
        paths.append(_write(tmp_path / f"{rank}.json", rank, 3, rows))
    job = job_of(paths).job
    (lacking,) = job.lacking
    assert (lacking.rank, lacking.count, lacking.edge, lacking.kind.type) == (1, 1, False, "all_reduce")
    assert job.calls[0].count == 8 and job.ranks[1].matched == 7 and job.ranks[0].matched == 8


def test_without_numbers_a_missing_collective_is_found_by_size(tmp_path: Path) -> None:
    """Torch before 2.4 has none: the sequence of sizes tells which one a rank lacks."""
    paths = []
    for rank in range(2):
        rows = []
        for row in rank_rows(rank, 2, 9, 0, 2):
            sequence = row["args"].pop("Seq", None)
            if sequence is not None:
                row["args"]["In msg nelems"] = row["args"]["Out msg nelems"] = 1000 * sequence
            if not (rank == 0 and sequence == 5):
                rows.append(row)
        paths.append(_write(tmp_path / f"{rank}.json", rank, 2, rows))
    job = job_of(paths).job
    assert [(row.rank, row.count, row.kind.bytes) for row in job.lacking] == [(0, 1, 10_000)]
    assert sum(row.count for row in job.calls) == 8


def test_what_the_host_had_not_launched_is_named(tmp_path: Path) -> None:
    """A rank whose host is late idles before an op that it had not launched yet."""
    paths = []
    for rank in range(2):
        rows, at, started = [], 0.0, 100.0
        for n in range(6):
            launch = at + (60 if rank else 0)
            rows += [
                host("cpu_op", "aten::late", launch, 5),
                host("cuda_runtime", "cudaLaunchKernel", launch + 1, 2, correlation=2 * n),
                gpu(launch + 10, 20, "k", 2 * n),
                host("cuda_runtime", "cudaLaunchKernel", launch + 6, 2, correlation=2 * n + 1),
                gpu(launch + 31, at + 121 - launch - 31, "ncclDevKernel_AllReduce_Sum_f32_RING_LL", 2 * n + 1),
            ]
            at, started = at + 125, started + 1
        paths.append(_write(tmp_path / f"{rank}.json", rank, 2, rows))
    job = job_of(paths).job
    assert job.straggler is not None and job.straggler.rank == 1
    later = [row for row in job.late if row.number > 1]
    assert {row.cause for row in later} == {"idle: aten::late not launched yet"}


def test_collectives_of_other_groups_are_not_mixed(tmp_path: Path) -> None:
    """Two pairs of ranks with groups of one name and one number: each rank waits for its own partner."""
    paths = []
    for rank in range(4):
        pair = rank // 2
        rows = list(rank_rows(rank, 4, 5, 40.0, 7))
        for row in rows:
            if "Seq" in row["args"]:
                row["args"] |= {"Process Group Ranks": str([2 * pair, 2 * pair + 1]), "Group size": 2}
        paths.append(_write(tmp_path / f"{rank}.json", rank, 4, rows))
    job = job_of(paths).job
    assert [row.count for row in job.calls] == [5, 5] and {row.kind.size for row in job.calls} == {2}
    assert job.ranks[0].held_up_ns + job.ranks[1].held_up_ns < job.ranks[3].held_up_ns
    assert not job.lacking and job.clocks[2].pairs == 0


def test_a_rank_whose_trace_begins_later_is_said_to(tmp_path: Path) -> None:
    """It is late only as far as its trace says it."""
    rows = list(rank_rows(1, 2, 5, 0, 1))
    first = min(row["ts"] for row in rows if row["cat"] == "kernel" and "Seq" in row["args"])
    kept = [row for row in rows if row["ts"] >= first - 1]
    paths = [write_rank(tmp_path / "0.json", 0, 2, 5, 0, 1), _write(tmp_path / "1.json", 1, 2, kept)]
    for row in kept:
        if row["ts"] < first + 1 and "Seq" in row["args"]:
            row["ts"], row["dur"] = row["ts"] + 15, row["dur"] - 15
    paths[1] = _write(tmp_path / "1.json", 1, 2, kept)
    job = job_of(paths).job
    assert job.late[0].cause == "its trace begins later" and job.late[0].number == 1
    assert job.not_charged_ns == job.late[0].wait_ns > 0
    assert sum(row.held_up_ns for row in job.ranks) + job.not_charged_ns == job.calls[0].wait_ns


def test_traces_with_and_without_a_gpu_are_not_of_one_job(tmp_path: Path) -> None:
    """One line, not a sum of kernels and ops."""
    paths = [
        _write(tmp_path / "0.json", 0, 2, [gpu(0, 1)]),
        _write(tmp_path / "1.json", 1, 2, [host("cpu_op", "aten::mm", 0, 1)]),
    ]
    with pytest.raises(HarnessError, match="not of one job"):
        job_of(paths)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_time_is_kept_whatever_ranks_do(tmp_path: Path, data: st.DataObject) -> None:
    """Any mixture of kernels, copies and collectives on 2 to 4 ranks: spans and collectives split exactly."""
    world = data.draw(st.integers(2, 4))
    paths = []
    for rank in range(world):
        rows = data.draw(st.lists(_row(), min_size=1, max_size=25))
        paths.append(_write(tmp_path / f"{rank}.json", rank, world, rows))
    found = job_of(paths)
    for row, profile in zip(found.job.ranks, found.profiles, strict=True):
        assert row.compute_ns + row.exposed_ns + row.copies_ns + row.idle_ns == row.span_ns == profile.span_ns
        assert 0 <= row.exposed_ns <= row.communication_ns and row.idle_ns == profile.idle_ns
    for calls in found.job.calls:
        assert calls.wait_ns + calls.transfer_ns == calls.total_ns and min(calls.wait_ns, calls.transfer_ns) >= 0
    assert sum(row.wait_ns for row in found.job.ranks) == sum(row.wait_ns for row in found.job.calls)
    for path, profile in zip(paths, found.profiles, strict=True):
        assert breakdown(path, RULES) == profile


def _row() -> st.SearchStrategy[dict[str, Any]]:
    names = ["gemm", "ncclDevKernel_AllReduce_Sum_f32", "ncclDevKernel_AllGather_RING", "ncclDevKernel_SendRecv"]
    return st.builds(
        lambda start, length, name, cat, stream: gpu(start / 8, length / 8, name, None, cat=cat, stream=stream),
        st.integers(0, 4000), st.integers(0, 400), st.sampled_from(names),
        st.sampled_from(["kernel", "kernel", "gpu_memcpy"]), st.integers(7, 9),
    )  # fmt: skip


def _write(path: Path, rank: int, world: int, rows: list[dict[str, Any]]) -> Path:
    info = {"backend": "nccl", "rank": rank, "world_size": world}
    Random(rank).shuffle(rows)
    path.write_text(json.dumps({"schemaVersion": 1, "distributedInfo": info, "traceEvents": rows}))
    return path


def test_rows_of_the_file_are_in_any_order(tmp_path: Path) -> None:
    """A trace is no sequence: shuffled rows give the same job."""
    plain = [write_rank(tmp_path / f"{rank}.json", rank, 2, 6, 50.0, 4) for rank in range(2)]
    mixed = [_write(tmp_path / f"m{rank}.json", rank, 2, list(rank_rows(rank, 2, 6, 50.0, 4))) for rank in range(2)]
    assert job_of(plain).job.late == job_of(mixed).job.late


def pipeline(tmp_path: Path, buffered: bool = False, peers: bool = True, world: int = 3) -> Found:
    """Rank 0 sends to 1, which sends to the last: five times each, 40 us apart; the receiver comes 10 us after the
    sender in the first pair, 3 us before it in the second. An all-reduce before each aligns the clocks."""
    paths = []
    for rank in range(world):
        rows: list[dict[str, Any]] = []
        for number in range(5):
            at = 1000.0 * (rank + 1) + 100 * number
            sends = (
                [(0, 1, at + 40, at + 50), (1, world - 1, at + 73, at + 70)]
                if world > 2
                else [(0, 1, at + 40, at + 50)]
            )
            rows += _call(at, 10, rank, 100 * number, "allreduce", "AllReduce_Sum_f32_RING_LL", Seq=2 * number)
            for pair, (source, other, sent, received) in enumerate(sends):
                until, end = (
                    (sent + 4 if buffered and sent < received else max(sent, received) + 6),
                    max(sent, received) + 6,
                )
                if rank == source:
                    said = {"Dst Rank": other} if peers else {}
                    rows += _call(sent, until - sent, rank, 100 * number + 10 + pair, "send", "SendRecv", Seq=9, **said)
                if rank == other:
                    said = {"Src Rank": str(source)} if peers else {}
                    rows += _call(received, end - received, rank, 100 * number + 20, "recv", "SendRecv", Seq=5, **said)
        path = tmp_path / f"rank{rank}.json"
        path.write_text(json.dumps({"traceEvents": rows}))
        paths.append(path)
    return job_of(paths)


def _call(
    at: float, length: float, rank: int, number: int, name: str, kernel: str, **said: Any
) -> list[dict[str, Any]]:
    args = {"Collective name": name, "In msg nelems": 1 << 18, "Out msg nelems": 1 << 18, "Group size": 3,
            "dtype": "Float", "Process Group Name": "0"} | said  # fmt: skip
    launch = host("cuda_runtime", "cudaLaunchKernelExC", at - 5, 2, correlation=number) | {"pid": 100 + rank}
    row = gpu(at, length, f"ncclDevKernel_{kernel}(ncclDevKernelArgsStorage<4096ul>)", number) | {"pid": rank}
    return [launch, row | {"args": row["args"] | args | {"device": rank}}]


def test_a_send_and_its_recv_are_split_into_wait_and_transfer(tmp_path: Path) -> None:
    """Each pair by its ends: who came last is who the other waited for, and the parts are the whole."""
    job = pipeline(tmp_path).job
    (pairs,) = [row for row in job.calls if row.kind.type == "send_recv"]
    assert pairs.count == 10 and pairs.kind.size == 2 and pairs.kind.bytes == 1 << 20 and job.unmatched == 0
    assert pairs.wait_ns == 5 * (10_000 + 3_000) and pairs.transfer_ns == 10 * 2 * 6_000
    assert pairs.wait_ns + pairs.transfer_ns == pairs.total_ns and pairs.last == {1: 10} and not job.lacking
    assert pairs.bus_gb_s == pytest.approx((1 << 20) / 6_000) and pairs.algorithm_gb_s == pairs.bus_gb_s


def test_a_send_that_ended_before_its_receiver_came_waited_for_nobody(tmp_path: Path) -> None:
    """It had a buffer; the receiver that comes first waits as ever."""
    (pairs,) = [row for row in pipeline(tmp_path, buffered=True).job.calls if row.kind.type == "send_recv"]
    assert pairs.wait_ns == 5 * 3_000 and pairs.wait_ns + pairs.transfer_ns == pairs.total_ns


def test_where_the_other_end_is_not_known_nothing_is_split(tmp_path: Path) -> None:
    """Of three ranks it may be either; of two it is the other."""
    job = pipeline(tmp_path, peers=False).job
    assert job.unmatched == 20 and [row.kind.type for row in job.calls] == ["all_reduce"]
    two = pipeline(tmp_path, peers=False, world=2).job
    assert two.unmatched == 0 and {row.kind.type: row.wait_ns for row in two.calls}["send_recv"] == 5 * 10_000
