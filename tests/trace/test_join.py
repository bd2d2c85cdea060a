"""A GPU row belongs to a launch of the process that launches on its device; where that cannot be told, to none."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.trace import breakdown, load_rules
from harness.values.profile import Profile
from tests.trace.made import Row, gpu, host, write

RULES = load_rules()
MANY = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def call(at: float, number: int, op: str, pid: int | str, launch: str = "cudaLaunchKernel") -> list[Row]:
    """An op of a process with its launch in it."""
    rows = [host("cpu_op", op, at, 20), host("cuda_runtime", launch, at + 5, 3, correlation=number)]
    return [{**row, "pid": pid, "tid": pid} for row in rows]


def step(at: float, number: int, op: str, pid: int, device: int, late: float = 10, dur: float = 8) -> list[Row]:
    """A call and its kernel, which is named as the op."""
    return [*call(at, number, op, pid), gpu(at + 5 + late, dur, f"k {op}", number, pid=device, device=device)]


def rank(pid: int, device: int, numbers: list[int], chance: random.Random, shift: float) -> list[Row]:
    ops = ["aten::mm", "aten::softmax", "aten::add", "aten::embedding"]
    rows: list[Row] = []
    for at, number in enumerate(numbers):
        rows += step(100 * at + shift, number, chance.choice(ops), pid, device, chance.uniform(1, 60))
    return rows


def by_op(profile: Profile) -> dict[str, tuple[int, int]]:
    return {row.name: (row.calls, row.total_ns) for row in profile.ops}


def right(profile: Profile) -> bool:
    """Every kernel, which says so itself, is under its op."""
    return all(row.name == f"k {row.op}" for row in profile.kernels)


def test_ranks_that_a_tool_marked_keep_their_own(tmp_path: Path) -> None:
    """As SGLang merges them: the same numbers, the same device numbers, a mark before each pid."""
    rows = [*step(0, 1, "aten::mm", 100, 0), *step(3, 1, "aten::softmax", 200, 0)]
    for at, row in enumerate(rows):
        row["pid"] = f"[TP{at // 3:02d}] {row['pid']}"
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert right(found) and not found.data_quality.get("gpu_rows_of_unclear_process")
    assert [(row.device, row.process) for row in found.devices] == [("0", "[TP00] 100"), ("0", "[TP01] 200")]
    assert [(row.process, row.devices, row.total_ns) for row in found.processes] == [
        ("[TP00] 100", ("0",), 8000), ("[TP01] 200", ("0",), 8000),
    ]  # fmt: skip


@MANY
@given(st.randoms(use_true_random=False), st.booleans())
def test_a_merge_gives_each_op_the_same_time_as_the_files_alone(
    tmp_path: Path, chance: random.Random, shuffled: bool
) -> None:
    """Two ranks whose numbers drift apart by a call or two, without any mark, in any order of rows."""
    one = rank(100, 0, list(range(30)), chance, 0)
    other = rank(200, 1, [n for n in range(35) if n % 7], chance, chance.uniform(-40, 40))
    alone = [by_op(breakdown(write(tmp_path / "t.json", rows), RULES)) for rows in (one, other)]
    merged = [*one, *other]
    if shuffled:
        chance.shuffle(merged)
    found = breakdown(write(tmp_path / "t.json", merged), RULES)
    wanted = {
        op: tuple(sum(part.get(op, (0, 0))[i] for part in alone) for i in (0, 1)) for op in {**alone[0], **alone[1]}
    }
    assert by_op(found) == wanted and right(found)
    assert [(row.device, row.process) for row in found.devices] == [("0", "100"), ("1", "200")]


def test_two_runs_after_one_another_on_one_device(tmp_path: Path) -> None:
    """Each number is there twice: the later launch takes the rows behind it, since the earlier one has its own."""
    one = [row for at in range(5) for row in step(100 * at, at, "aten::mm", 100, 0)]
    other = [row for at in range(5) for row in step(9000 + 100 * at, at, "aten::add", 200, 0)]
    found = breakdown(write(tmp_path / "t.json", [*other, *one]), RULES)
    assert right(found) and found.attributed_ns == found.kernel_sum_ns
    assert [(row.process, row.calls) for row in found.processes] == [("100", 5), ("200", 5)]
    assert [(row.device, row.process) for row in found.devices] == [("0", "")]


def test_a_row_whose_launch_is_lost_is_not_given_to_another_process(tmp_path: Path) -> None:
    """The other's launch of that number has its own row already."""
    rows = [*step(0, 1, "aten::mm", 100, 0), *step(500, 2, "aten::add", 200, 0), gpu(600, 7, "lost", 1)]
    rows += step(700, 2, "aten::add", 100, 0)
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert {row.name: row.op for row in found.kernels}["lost"] == ""
    assert found.data_quality["gpu_rows_of_unclear_process"] == 1


def test_what_cannot_be_told_is_said(tmp_path: Path) -> None:
    """Two processes launched the same number on one device before either of the kernels ran."""
    rows = [*call(0, 1, "aten::mm", 100), *call(2, 1, "aten::add", 200), gpu(50, 4, "k", 1), gpu(60, 5, "k", 1)]
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert found.data_quality["gpu_rows_of_unclear_process"] == 2 and found.attributed_ns == 0
    assert found.ops == ()
    assert [(row.process, row.total_ns) for row in found.processes] == [("", 9000)]


def test_an_allocation_of_the_same_number_launches_no_kernel(tmp_path: Path) -> None:
    """Of calls that came before a row, one that puts work on the GPU goes before one that does not."""
    rows = [*call(0, 1, "aten::mm", 100), *call(8, 1, "aten::empty", 200, launch="cudaMalloc"), gpu(50, 4, "k", 1)]
    rows += [*call(100, 2, "aten::add", 200), gpu(120, 4, "k", 2)]
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert by_op(found) == {"aten::mm": (1, 4000), "aten::add": (1, 4000)}


def test_a_process_that_launches_nothing_changes_nothing(tmp_path: Path) -> None:
    """Data loaders have ops; kernels that run before their launch stay with it, where one process launches."""
    rows = [*step(100, 1, "aten::mm", 100, 0, late=-60), *call(0, 9, "aten::stack", 300)[:1]]
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert right(found) and found.data_quality.get("gpu_rows_of_unclear_process", 0) == 0
    assert found.devices[0].process == "100"


@MANY
@given(st.data())
def test_every_table_adds_up_with_any_processes_and_devices(tmp_path: Path, data: Any) -> None:
    """Busy and idle of every device are the span of the trace; processes, ops and launches are the whole time."""
    rows: list[Row] = []
    callers = [(pid, number) for pid in (100, 200, "[TP01] 100") for number in range(5)]
    callers = data.draw(st.permutations(callers))
    for at in range(data.draw(st.integers(1, 20))):
        start, length = data.draw(st.integers(0, 900)), data.draw(st.integers(0, 90_000)) / 1000
        device, number = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 4))
        mark = data.draw(st.sampled_from(["", "", "[TP01] "]))
        rows.append(gpu(start, length, f"k{at % 3}", number, pid=f"{mark}{device}" if mark else device, device=device))
        name = data.draw(st.sampled_from(["cudaLaunchKernel", "cudaGraphLaunch", "cudaMalloc", "cudaMemcpyAsync"]))
        if callers:
            pid, launched = callers.pop()
            rows += call(data.draw(st.integers(0, 900)), launched, f"op{at % 4}", pid, name)
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    total = found.gpu_sum_ns
    assert total == sum(round(row["dur"] * 1000) for row in rows if row["cat"] == "kernel")
    for table in (found.devices, found.streams, found.processes, found.launches, found.kernels):
        assert sum(row.total_ns for row in table) == total
    assert not found.ops or sum(row.total_ns for row in found.ops) == total
    for device in found.devices:
        assert device.span_ns == found.span_ns and device.busy_ns + device.idle_ns == found.span_ns
        assert sum(row.total_ns for row in device.idle) == device.idle_ns
    shuffled = copy.deepcopy(rows)
    random.Random(1).shuffle(shuffled)
    again = breakdown(write(tmp_path / "t.json", shuffled), RULES)
    assert (again.devices, again.processes, again.launches) == (found.devices, found.processes, found.launches)


def test_of_several_devices_each_has_its_own_utilisation(tmp_path: Path) -> None:
    """Each is busy half of the time, and together they are all of it."""
    rows = [gpu(0, 50, pid=0), gpu(50, 50, pid=1, device=1)]
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert [(row.device, row.busy_ns, row.idle_ns) for row in found.devices] == [
        ("0", 50_000, 50_000),
        ("1", 50_000, 50_000),
    ]
    assert found.gpu_busy_ns == found.span_ns == 100_000 and found.idle == ()


def test_of_one_device_its_idle_time_is_that_of_the_trace(tmp_path: Path) -> None:
    """By the same causes."""
    found = breakdown(write(tmp_path / "t.json", step(0, 1, "a", 1, 0) + step(90, 2, "a", 1, 0)), RULES)
    assert found.devices[0].idle == found.idle and found.devices[0].idle_ns == found.idle_ns > 0
