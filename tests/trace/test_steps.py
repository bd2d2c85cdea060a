"""Steps that a trace marks add up to the whole; a part of a trace is what it says."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.trace import breakdown, load_rules
from harness.trace.selection import Selection, selection, step_range, window
from harness.values.profile import Profile
from tests.trace.made import Row, gpu, host, write

RULES = load_rules()
MANY = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def marked(number: int, start: float, length: float, pid: int = 1, cat: str = "user_annotation") -> Row:
    return {**host(cat, f"ProfilerStep#{number}", start, length), "pid": pid, "tid": pid}


def launched(at: float, correlation: int, length: float, late: float = 5, pid: int = 1) -> list[Row]:
    """A launch and its kernel, which is named by its launch."""
    call = {**host("cuda_runtime", "cudaLaunchKernel", at, 1, correlation=correlation), "pid": pid, "tid": pid}
    return [call, gpu(at + late, length, f"k{correlation}", correlation, device=pid, pid=pid)]


THREE = [
    *(marked(n, 1000 * n, 900) for n in range(3)),
    *launched(10, 1, 200),
    *launched(1010, 2, 20),
    *launched(1890, 3, 20, late=200),
    *launched(2010, 4, 30),
    *launched(2950, 5, 7),
]


def of_steps(profile: Profile) -> list[tuple[int | None, int, int]]:
    return [(row.step, row.calls, row.total_ns) for row in profile.profiler_steps]


def test_a_kernel_is_of_the_step_that_launched_it(tmp_path: Path) -> None:
    """Wherever it runs; what is launched between steps is of none."""
    found = breakdown(write(tmp_path / "t.json", THREE), RULES)
    assert of_steps(found) == [(0, 1, 200_000), (1, 2, 40_000), (2, 1, 30_000), (None, 1, 7_000)]
    assert [row.host_ns for row in found.profiler_steps] == [900_000, 900_000, 900_000, 0]


def test_some_steps_or_all_but_the_first(tmp_path: Path) -> None:
    """The times of those alone, and it is said; their launches alone are looked for."""
    path = write(tmp_path / "t.json", THREE)
    found = breakdown(path, RULES, selection=Selection(first=1, last=2))
    assert of_steps(found) == [(1, 2, 40_000), (2, 1, 30_000)] and found.gpu_sum_ns == 70_000
    assert found.selected == "steps 1 to 2" and sum(row.launches for row in found.launches) == 3
    assert breakdown(path, RULES, selection=Selection(skip=1)).gpu_sum_ns == 70_000
    assert breakdown(path, RULES, selection=Selection(skip=1, first=0, last=1)).gpu_sum_ns == 40_000
    with pytest.raises(HarnessError, match=r"no step left of steps 7 to 9; it has 0 to 2"):
        breakdown(path, RULES, selection=Selection(first=7, last=9))
    with pytest.raises(HarnessError, match="it has no `ProfilerStep#N` rows"):
        breakdown(write(tmp_path / "u.json", launched(0, 1, 5)), RULES, selection=Selection(skip=1))


def test_a_window_is_of_what_starts_in_it(tmp_path: Path) -> None:
    """From the first row of the trace on."""
    path = write(tmp_path / "t.json", THREE)
    found = breakdown(path, RULES, selection=Selection(start_ns=1_000_000, end_ns=2_000_000))
    assert {row.name for row in found.kernels} == {"k2"} and found.selected == "window 1 ms..2 ms"
    with pytest.raises(HarnessError, match=r"nothing in window 50 ms\.\."):
        breakdown(path, RULES, selection=Selection(start_ns=50_000_000))


def test_each_process_has_its_own_steps(tmp_path: Path) -> None:
    """Of the same numbers, at other times."""
    rows = [marked(0, 0, 100, 1), marked(0, 50, 100, 2), *launched(60, 1, 5, pid=1), *launched(70, 2, 6, pid=2)]
    rows += launched(140, 3, 7, pid=2)
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert [(row.process, row.step, row.total_ns) for row in found.profiler_steps] == [("1", 0, 5000), ("2", 0, 13_000)]


def test_without_a_gpu_steps_are_of_ops(tmp_path: Path) -> None:
    """By their self times; the row of the step itself may be an op (torch to 1.11)."""
    rows = [marked(n, 100 * n, 80) for n in range(2)]
    rows += [
        host("cpu_op", "aten::mm", 10, 20),
        host("cpu_op", "aten::dot", 12, 5),
        host("cpu_op", "aten::mm", 110, 30),
    ]
    path = write(tmp_path / "t.json", rows)
    assert of_steps(breakdown(path, RULES)) == [(0, 2, 20_000), (1, 1, 30_000)]
    assert breakdown(path, RULES, selection=Selection(skip=1)).gpu_sum_ns == 30_000
    assert breakdown(path, RULES, selection=Selection(end_ns=50_000)).gpu_sum_ns == 20_000


@st.composite
def stepped(draw: Any) -> list[Row]:
    """Steps of two processes, launches in and between them, kernels that lost theirs."""
    rows: list[Row] = []
    for pid in (1, 2):
        rows += [marked(n, 100 * n, draw(st.integers(0, 99)), pid) for n in range(draw(st.integers(0, 4)))]
    for at in range(draw(st.integers(1, 25))):
        both = launched(draw(st.integers(0, 500)), at, draw(st.integers(0, 50)), 5, draw(st.sampled_from([1, 2])))
        rows += both if draw(st.booleans()) else both[1:]
    return rows


@MANY
@given(stepped())
def test_steps_add_up_to_the_whole(tmp_path: Path, rows: list[Row]) -> None:
    """Alone, each is what the table says; without steps there is no table."""
    path = write(tmp_path / "t.json", rows)
    whole = breakdown(path, RULES)
    steps = [row for row in whole.profiler_steps if row.step is not None]
    if whole.profiler_steps:
        assert sum(row.total_ns for row in whole.profiler_steps) == whole.gpu_sum_ns
        assert sum(row.calls for row in whole.profiler_steps) == whole.kernel_count
    for number in {row.step for row in steps}:
        assert number is not None
        alone = breakdown(path, RULES, selection=Selection(first=number, last=number))
        assert alone.gpu_sum_ns == sum(row.total_ns for row in steps if row.step == number)
        assert sum(row.total_ns for row in alone.kernels) == alone.gpu_sum_ns


@MANY
@given(stepped(), st.lists(st.integers(1, 600_000), max_size=3, unique=True))
def test_windows_that_cover_a_trace_add_up_to_it(tmp_path: Path, rows: list[Row], cuts: list[int]) -> None:
    """Every row is in one of them."""
    path = write(tmp_path / "t.json", rows)
    ends = [None, *sorted(cuts), None]
    total = kernels = 0
    for start, end in pairwise(ends):
        part = Selection(start_ns=start or 0, end_ns=end)
        try:
            found = breakdown(path, RULES, selection=part)
        except HarnessError as error:
            assert "nothing in" in str(error)
            continue
        total, kernels = total + found.gpu_sum_ns, kernels + found.kernel_count
    whole = breakdown(path, RULES)
    assert (total, kernels) == (whole.gpu_sum_ns, whole.kernel_count)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("1..2", (10**6, 2 * 10**6)),
        ("200us..1.5ms", (200_000, 1_500_000)),
        ("..5", (None, 5 * 10**6)),
        ("1s..", (10**9, None)),
    ],
)
def test_a_window_has_units(text: str, ends: tuple[int | None, int | None]) -> None:
    """ms where none is said."""
    assert window(text) == ends


@pytest.mark.parametrize("text", ["", "..", "3..1", "1..1", "a..b", "1-2", "1.2.3..4", "5"])
def test_what_is_no_window_is_one_line(text: str) -> None:
    """With what is allowed."""
    with pytest.raises(HarnessError, match="--window"):
        window(text)


def test_steps_are_a_number_or_a_range() -> None:
    """The number of decode steps, as before, or which of the marked ones."""
    assert selection("3", 0, "") == (3, Selection()) and selection("", 0, "") == (0, Selection())
    assert selection("2-5", 1, "..3")[1] == Selection(2, 5, 1, None, 3 * 10**6) and step_range("4-4") == (4, 4)
    for text in ("5-2", "a", "1-", "-3", "1..3"):
        with pytest.raises(HarnessError, match="--steps"):
            selection(text, 0, "")


def test_of_each_kernel_the_spread_of_its_calls(tmp_path: Path) -> None:
    """Longest, median and the distance between the quartiles beside the sum."""
    rows = [gpu(1000 * at, us, "k", at) for at, us in enumerate([10, 20, 30, 40, 900])]
    (row,) = breakdown(write(tmp_path / "t.json", rows), RULES).kernels
    assert (row.longest_ns, row.median_ns, row.spread_ns) == (900_000, 30_000, 20_000)
    (row,) = breakdown(write(tmp_path / "t.json", rows[:1]), RULES).kernels
    assert (row.longest_ns, row.median_ns, row.spread_ns) == (10_000, 10_000, 0)


def test_time_by_the_shapes_of_an_op(tmp_path: Path) -> None:
    """As `record_shapes` writes them: the same op with other shapes is another row, and all add up."""
    shapes = [[[2, 3], [3, 4], []], [[2, 3], [3, 4], []], [[8, 8], [8, 1], []]]
    rows = []
    for at, dims in enumerate(shapes):
        kinds = ["c10::BFloat16", "float", "Scalar"]
        rows.append(host("cpu_op", "aten::mm", 100 * at, 50, **{"Input Dims": dims, "Input type": kinds}))
        rows.append(host("cuda_runtime", "cudaLaunchKernel", 100 * at + 5, 1, correlation=at))
        rows.append(gpu(100 * at + 10, 10 + at, "gemm", at))
    rows.append(gpu(400, 3, "lost", 99))
    for path in (write(tmp_path / "small.json", rows), write(tmp_path / "large.json", [*rows, *_nothing(4000)])):
        found = breakdown(path, RULES)
        assert [(row.name, row.calls, row.total_ns) for row in found.shapes] == [
            ("aten::mm [2,3] c10::BFloat16, [3,4] float", 2, 21_000),
            ("aten::mm [8,8] c10::BFloat16, [8,1] float", 1, 12_000),
            ("", 1, 3_000),
        ]
        assert [(row.name, row.total_ns) for row in found.ops] == [("aten::mm", 33_000), ("", 3_000)]


def _nothing(count: int) -> list[Row]:
    """Rows that make a file longer than one block, so that it is read both ways."""
    return [host("python_function", "f" * 300, at, 1) for at in range(count)]
