"""Which files are ranks of one job: what they say, then what they are called, then what is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.ranks.heads import head_of, read_head
from harness.ranks.recognise import recognise
from harness.trace.inputs.members import TraceFile
from tests.trace.made import KERNELS, text


def files(folder: Path, *rows: tuple[str, int | None]) -> list[TraceFile]:
    """Of (name, rank that the file says)."""
    found = []
    for name, rank in rows:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        info = {"distributedInfo": {"backend": "nccl", "rank": rank, "world_size": 8}} if rank is not None else {}
        path.write_text(json.dumps(info | json.loads(text(KERNELS))))
        found.append(TraceFile(path, name))
    return found


@pytest.mark.parametrize(
    ("rows", "numbers"),
    [
        ([("a.json", 3), ("b.json", 1)], (1, 3)),
        ([("rank10.json", None), ("rank9.json", None)], (9, 10)),
        ([("job/rank0/t.json", None), ("job/rank1/t.json", None)], (0, 1)),
        ([("1782-TP-0-DECODE.json", None), ("1782-TP-1-DECODE.json", None)], (0, 1)),
        ([("TP-0-DP-1.json", None), ("TP-0-DP-0.json", None)], (0, 1)),
        ([("a.json", 0), ("b.json", 0)], None),
        ([("tp1/t.json", None), ("tp2/t.json", None)], None),
        ([("before.json", None), ("after.json", None)], None),
        ([("step1.json", None), ("step2.json", None)], None),
        ([("rank0.json", 0), ("rank1.json", 0)], None),
    ],
)
def test_ranks_are_told_by_the_files(tmp_path: Path, rows: list[tuple[str, int | None]], numbers: object) -> None:
    """Two traces that say the same rank are before and after, whatever they are called."""
    found = recognise(files(tmp_path, *rows))
    assert (found and found.numbers) == numbers
    assert recognise(files(tmp_path, *rows), False) is None


def test_what_is_asked_for_decides(tmp_path: Path) -> None:
    """`--ranks` takes files in their order where nothing tells them apart; the same rank twice cannot be."""
    found = recognise(files(tmp_path, ("before.json", None), ("after.json", None)), True)
    assert found is not None and found.numbers == (0, 1) and found.recognised.startswith("--ranks")
    with pytest.raises(HarnessError, match=r"--ranks: two traces of rank 2: a\.json, b\.json"):
        recognise(files(tmp_path, ("a.json", 2), ("b.json", 2)), True)
    with pytest.raises(HarnessError, match="--ranks: one trace"):
        recognise(files(tmp_path, ("a.json", 2)), True)


def test_ranks_without_a_trace_are_known(tmp_path: Path) -> None:
    """The world size says how many there are."""
    found = recognise(files(tmp_path, ("a.json", 2), ("b.json", 5)))
    assert found is not None and found.absent == (0, 1, 3, 4, 6, 7) and found.backend == "nccl"


def test_a_head_is_what_stands_before_the_events(tmp_path: Path) -> None:
    """A nested distributedInfo of an event is not the file's; nonsense says nothing."""
    assert head_of(b'{"traceEvents": [{"args": {"distributedInfo": {"rank": 3}}}]}').rank is None
    assert head_of(b'{"distributedInfo": {"rank": true, "world_size": "x"}, "traceEvents": [').rank is None
    assert head_of(b'{"distributedInfo": {"rank": 1, "traceEvents": [').rank is None
    head = head_of(b'{"baseTimeNanoseconds": 1790857026000000000, "distributedInfo": {"rank": 1}, "traceEvents": [')
    assert (head.rank, head.base_ns) == (1, 1790857026000000000)
    assert head_of(b'{"baseTimeNanoseconds": 9999999999999999999, "traceEvents": [').base_ns == 0
    (file,) = files(tmp_path, ("a.json", 4))
    assert read_head(file.path).rank == 4
