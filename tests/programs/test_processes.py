"""Traces of a program's processes become one file; those that left none are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.programs import processes
from harness.programs.place import Place
from harness.programs.processes import joined
from harness.programs.told import Told
from harness.trace import breakdown, load_rules
from tests.trace.made import gpu, host

FAR_PID = 2**30
"""No process of any machine."""


def leave(place: Place, pid: int, rows: list[dict[str, object]], base_ns: int = 5) -> None:
    """As torch writes it."""
    text = ",\n".join(json.dumps(row | {"pid": row["pid"] if row.get("cat") == "kernel" else pid}) for row in rows)
    place.folder.joinpath(f"rank0.{pid}.1.json").write_text(
        f'{{"baseTimeNanoseconds": {base_ns},\n"traceEvents": [\n{text}\n],"traceName": "x"}}'
    )


def work(name: str) -> list[dict[str, object]]:
    """An op with its kernel, whose number is that of every process's first."""
    return [
        host("cpu_op", name, 100, 50),
        host("cuda_runtime", "cudaLaunchKernel", 110, 5, correlation=1),
        gpu(130, 20, f"{name}_kernel", 1),
    ]


def test_processes_on_one_gpu_keep_their_ops(tmp_path: Path) -> None:
    """Both count their launches from 1 on the same device."""
    place = Place(0, 1, tmp_path)
    for pid, name in ((FAR_PID, "aten::mm"), (FAR_PID + 1, "aten::sin")):
        leave(place, pid, work(name))
    tmp_path.joinpath(f"rank0.{FAR_PID + 1}.begun").touch()
    tmp_path.joinpath(f"rank0.{FAR_PID + 1}.told").touch()
    assert joined(place, Told(0)) == Told(0, children=1)
    found = breakdown(place.trace(0), load_rules())
    assert {row.name: row.calls for row in found.ops} == {"aten::mm": 1, "aten::sin": 1}
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["rank0.json"]


def test_those_that_left_none_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed, still running, with a reason of its own, of another clock; a launcher without torch is no failure."""
    monkeypatch.setattr(processes, "WAIT_S", 0.05)
    place, here = Place(0, 1, tmp_path), __import__("os").getpid()
    for pid in (here, *range(FAR_PID, FAR_PID + 4)):
        tmp_path.joinpath(f"rank0.{pid}.begun").touch()
    for pid, text in ((FAR_PID + 1, "no trace: a reason"), (FAR_PID + 2, ""), (FAR_PID + 3, "")):
        tmp_path.joinpath(f"rank0.{pid}.told").write_text(text)
    leave(place, FAR_PID + 2, work("aten::mm"))
    leave(place, FAR_PID + 3, work("aten::sin"), base_ns=6)
    told = joined(place, Told(0, "no trace: it never imported torch"))
    assert told.reason == "" and told.children == 2
    assert told.lost == {
        here: processes.STILL_RUNS, FAR_PID: processes.KILLED, FAR_PID + 1: "no trace: a reason",
        FAR_PID + 3: processes.OTHER_CLOCK,
    }  # fmt: skip
    assert joined(Place(0, 1, tmp_path / "nothing"), Told(3, "why")) == Told(3, "why")
