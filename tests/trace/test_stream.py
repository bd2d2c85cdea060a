"""Events are read whatever surrounds them; damage costs what it hits and is counted."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.trace import breakdown, load_rules
from harness.trace.attribute import self_times
from harness.trace.breakdown import union_ns
from harness.trace.rows import HostRow, nanoseconds
from harness.trace.stream import events


def kernel(
    start: float | str, duration: float | str, name: str = "k", correlation: int = 1, **args: Any
) -> dict[str, Any]:
    return {"ph": "X", "cat": "kernel", "name": name, "pid": 0, "tid": 7, "ts": start, "dur": duration,
            "args": {"correlation": correlation, "device": 0, "stream": 7, **args}}  # fmt: skip


def host(cat: str, name: str, start: float, duration: float, **args: Any) -> dict[str, Any]:
    return {"ph": "X", "cat": cat, "name": name, "pid": 1, "tid": 1, "ts": start, "dur": duration, "args": args}


def write(path: Path, found: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps({"schemaVersion": 1, "traceEvents": found, "traceName": "t"}))
    return path


EVENTS = [kernel(10 * i, "2.125", f"k{i % 3}", i) for i in range(50)]
SUM_NS = 50 * 2125


def test_times_are_exact_in_every_era() -> None:
    assert nanoseconds(1700000000123456) == 1700000000123456000
    assert nanoseconds("1713456789012345.678") == 1713456789012345678
    assert nanoseconds("1234567890123.4") == 1234567890123400
    assert nanoseconds("0.001") == 1 and nanoseconds("-1.5") == -1500 and nanoseconds("1e3") == 1000000
    for bad in ("inf", "NaN", "x"):
        with pytest.raises(ValueError, match="is no time"):
            nanoseconds(bad)


@given(st.integers(0, 10**18))
def test_any_nanosecond_survives_the_text(value: int) -> None:
    assert nanoseconds(f"{value // 1000}.{value % 1000:03d}") == value


@pytest.mark.parametrize("pack", ["plain", "gzip", "tar.gz", "wrong name"])
def test_a_file_is_read_by_what_it_holds(tmp_path: Path, pack: str) -> None:
    text = write(tmp_path / "t.json", EVENTS).read_bytes()
    path = tmp_path / ("x.json" if pack != "gzip" else "x.txt")
    if pack == "tar.gz":
        with tarfile.open(path, "w:gz") as archive:
            info = tarfile.TarInfo("inner.json")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
    else:
        path.write_bytes(gzip.compress(text) if pack != "plain" else text)
    assert breakdown(path, load_rules()).gpu_sum_ns == SUM_NS


@pytest.mark.parametrize(
    ("damage", "lost", "word"),
    [
        (lambda t: t[: t.rindex('"k1"')], 1, "damaged_events"),
        (lambda t: t[: t.rindex("]}")] if t.endswith("]}") else t[: t.rindex("]")], 0, "unclosed"),
        (lambda t: t.replace('"name": "k0"', '"name": "k"0"', 1), 1, "damaged_events"),
        (lambda t: t.replace('"dur": "2.125"', '"dur": inf', 1), 1, "damaged_events"),
        (lambda t: t.replace('"dur": "2.125"', '"dur": Infinity', 1), 1, "events_without_time"),
        (lambda t: t.replace('"name": "k0"', '"name": "k\x01\x02"', 1), 0, None),
        (lambda t: t.replace('"dur": "2.125", ', "", 1), 1, "events_without_time"),
    ],
    ids=["truncated", "unclosed", "quote in a name", "bare inf", "Infinity", "control characters", "no duration"],
)
def test_damage_costs_only_what_it_hits(tmp_path: Path, damage: Any, lost: int, word: str | None) -> None:
    path = tmp_path / "t.json"
    path.write_text(damage(write(path, EVENTS).read_text()))
    found = breakdown(path, load_rules())
    assert found.gpu_sum_ns == SUM_NS - lost * 2125
    assert word is None or found.data_quality[word] >= 1


def test_bytes_that_are_no_utf8_and_a_cut_gzip_lose_nothing_before_them(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", EVENTS)
    path.write_bytes(path.read_bytes().replace(b'"k0"', b'"k\xff"', 1))
    found = breakdown(path, load_rules())
    assert found.gpu_sum_ns == SUM_NS and found.data_quality["undecodable_bytes"] == 1
    many = write(tmp_path / "many.json", EVENTS * 2000).read_bytes()
    cut = gzip.compress(many)
    (tmp_path / "cut.gz").write_bytes(cut[: len(cut) // 2])
    found = breakdown(tmp_path / "cut.gz", load_rules())
    assert 0 < found.gpu_sum_ns < 2000 * SUM_NS and found.data_quality["truncated_compression"] == 1


@pytest.mark.parametrize("content", [b"", b"hello", b"{}", b'{"a": [1, 2]}', b"\x1f\x8b\x00"])
def test_what_is_no_trace_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(content)
    with pytest.raises(HarnessError) as error:
        breakdown(path, load_rules())
    assert "\n" not in str(error.value) and "t.json" in str(error.value)


@given(st.integers(1, 2000))
def test_where_the_text_is_cut_into_pieces_changes_nothing(size: int) -> None:
    text = json.dumps({"traceEvents": EVENTS[:5]})
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert list(events(iter(pieces), {})) == EVENTS[:5]


intervals = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 100)).map(lambda t: (t[0], t[0] + t[1])), max_size=30
)


@given(intervals)
def test_the_union_is_the_number_of_covered_nanoseconds(found: list[tuple[int, int]]) -> None:
    assert union_ns(found) == len({t for start, end in found for t in range(start, end)})
    assert union_ns(reversed(found)) == union_ns(found)


@given(st.permutations(EVENTS[:8]))
def test_the_order_of_events_is_irrelevant(found: list[dict[str, Any]]) -> None:
    from harness.trace.rows import collect

    rows = collect(found, {})
    assert sum(row.duration_ns for row in rows.gpu) == 8 * 2125


def test_a_kernel_belongs_to_the_innermost_op_and_scope_of_its_launch(tmp_path: Path) -> None:
    found = breakdown(write(tmp_path / "t.json", [
        host("user_annotation", "harness:sdpa@main#3", 0, 100),
        host("cpu_op", "aten::outer", 0, 100),
        host("cpu_op", "aten::inner", 10, 20),
        host("cuda_runtime", "cudaLaunchKernel", 15, 2, correlation=5),
        host("cuda_runtime", "cudaGraphLaunch", 50, 2, correlation=6),
        host("cuda_runtime", "cudaLaunchKernel", 60, 2, correlation=99),
        kernel(200, 3, "one", 5), kernel(210, 4, "two", 6), kernel(220, 5, "two", 6), kernel(230, 6, "three", 77),
    ]), load_rules())  # fmt: skip
    rows = {row.name: row for row in found.kernels}
    assert (rows["one"].op, rows["one"].scope, rows["one"].category) == ("aten::inner", "sdpa@main", "SDPA")
    assert (rows["two"].op, rows["two"].calls, rows["two"].total_ns) == ("aten::outer", 2, 9000)
    assert rows["three"].op == "" and found.attributed_ns == 12000
    assert found.data_quality == {"gpu_rows_without_launch": 1, "launches_without_gpu_rows": 1}


def test_a_gpu_annotation_never_counts_as_time(tmp_path: Path) -> None:
    annotation = {**kernel(0, 1000, "ProfilerStep"), "cat": "gpu_user_annotation"}
    assert breakdown(write(tmp_path / "t.json", [*EVENTS, annotation]), load_rules()).gpu_sum_ns == SUM_NS


def test_self_time_is_what_callees_leave() -> None:
    rows = [
        HostRow("a", 0, 100, False),
        HostRow("b", 10, 40, False),
        HostRow("c", 20, 30, False),
        HostRow("s", 5, 50, True),
    ]
    own = {row.name: (ns, scope) for row, ns, scope in self_times(rows)}
    assert own == {"a": (70, ""), "b": (20, "s"), "c": (10, "s")}
