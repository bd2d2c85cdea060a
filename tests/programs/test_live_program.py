"""Programs in processes of their own, under the profiler as they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import CaseFailed
from harness.programs.execute import profile_program
from harness.programs.place import this_place
from harness.programs.window import window
from harness.programs.words import python_program
from harness.store import Store

PROGRAM = """
import multiprocessing, pickle, sys, threading
import torch
def child(): torch.logsumexp(torch.ones(3), 0)
class Own: pass
assert __name__ == "__main__" and pickle.loads(pickle.dumps(Own())) and sys.argv[1:] == ["--twice", "3"], sys.argv
for _ in range(3):
    torch.mm(torch.ones(8, 8), torch.ones(8, 8))
import beside
model = torch.nn.Sequential(torch.nn.Linear(8, 8))
for _ in range(6):
    torch.sin(model(torch.ones(8)))
other = threading.Thread(target=torch.cosh, args=(torch.ones(3),))
other.start(), other.join()
process = multiprocessing.get_context("fork").Process(target=child)
process.start(), process.join()
print("the program's own words")
sys.exit(4)
"""


def test_a_program_runs_as_it_is_and_what_it_did_is_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its arguments, folder, classes, output and exit status; its threads and children; a status that is not 0 loses
    nothing."""
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "beside.py").touch()
    store = Store(str(tmp_path / "runs.sqlite"))
    program = python_program(["python", str(tmp_path / "train.py"), "--twice", "3"])
    run, ended = profile_program(program, this_place(tmp_path / "ranks", {}), store, keep=tmp_path / "kept")
    store.close()
    assert run is not None and ended.status == 4 and run.program is not None and run.state == "partial"
    assert run.program.failed == {0: "ended with status 4"} and run.program.window == ""
    calls = {row.name: row.calls for row in run.profiles[0].ops}
    assert calls["aten::mm"] == 3 and run.environment is not None and run.environment.device_kind in ("cpu", "cuda")
    assert calls["aten::sin"] == 6 and calls["aten::cosh"] == 1  # of another thread
    assert run.program.lost or (calls["aten::logsumexp"], run.program.processes) == (2, 1)  # CUPTI survives no fork
    assert "the program's own words" in capfd.readouterr().out
    assert [file.name for file in (tmp_path / "kept").iterdir()] == ["rank0.json.gz"]
    assert not list((tmp_path / "ranks").iterdir())


CHILDREN = """
import subprocess, sys
import torch
class Rows(torch.utils.data.Dataset):
    def __len__(self): return 8
    def __getitem__(self, at): return torch.sin(torch.full((4,), float(at)))
if __name__ == "__main__":
    code = "import torch, os, sitecustomize; torch.erf(torch.ones(3)); os._exit(3)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 3
    assert subprocess.run([sys.executable, "-c", "print()"]).returncode == 0
    model = torch.nn.Linear(4, 4)
    for rows in torch.utils.data.DataLoader(Rows(), batch_size=2, num_workers=1):
        torch.cos(model(rows))
"""
RANGES = """
import os, signal, sys
import torch
if sys.argv[1:]:
    for op in (torch.sin, torch.cos, torch.tan):
        op(torch.ones(3))
        os.kill(os.getpid(), signal.SIGUSR2)
    raise SystemExit
for _ in range(4):
    with torch.profiler.record_function("mine"): torch.cos(torch.ones(3))
    torch.tan(torch.ones(3))
"""


@pytest.mark.slow
def test_every_child_is_part_of_the_page(tmp_path: Path) -> None:
    """A subprocess that leaves by `os._exit`, a DataLoader's worker; one without torch is none."""
    (tmp_path / "load.py").write_text(CHILDREN)
    store = Store(str(tmp_path / "runs.sqlite"))
    program = python_program([sys.executable, str(tmp_path / "load.py")])
    run, ended = profile_program(program, this_place(tmp_path / "ranks", {}), store)
    assert run is not None and run.program is not None and not ended.status and run.state == "complete"
    assert run.program.processes == 2 and not run.program.lost
    calls = {row.name: row.calls for row in run.profiles[0].ops}
    assert (calls["aten::erf"], calls["aten::sin"], calls["aten::cos"]) == (1, 8, 4)
    store.close()


@pytest.mark.slow
def test_a_range_of_the_programs_own_is_its_window(tmp_path: Path) -> None:
    """So many of its calls, and nothing between them; or what is between two signals."""
    (tmp_path / "ranges.py").write_text(RANGES)
    store = Store(str(tmp_path / "runs.sqlite"))
    program, place = python_program([str(tmp_path / "ranges.py")]), this_place(tmp_path / "ranks", {})
    run, _ = profile_program(program, place, store, window=window(1, 2, "mine", ""))
    signalled = python_program([str(tmp_path / "ranges.py"), "signal"])
    between, _ = profile_program(signalled, this_place(tmp_path / "r", {}), store, window=window(0, 0, "", "USR2"))
    store.close()
    assert run is not None and run.program is not None and run.program.window == "calls of mine 2 to 3"
    calls = {row.name: row.calls for row in run.profiles[0].ops}
    assert calls["aten::cos"] == 2 and "aten::tan" not in calls
    assert between is not None and between.program is not None and between.program.window == "between SIGUSR2"
    calls = {row.name: row.calls for row in between.profiles[0].ops}
    assert calls["aten::cos"] == 1 and "aten::sin" not in calls and "aten::tan" not in calls


@pytest.mark.parametrize(
    ("text", "said", "status"),
    [
        ("raise SystemExit(3)", "ended with status 3; no trace: it never imported torch", 3),
        ("import os; os._exit(9)", "ended with status 9; no trace: it never imported torch", 9),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL; no trace: it ended before", 137),
    ],
)
def test_a_program_without_a_trace_says_why(tmp_path: Path, text: str, said: str, status: int) -> None:
    """One line, and its own status."""
    (tmp_path / "plain.py").write_text(text)
    store = Store(str(tmp_path / "runs.sqlite"))
    with pytest.raises(CaseFailed, match=said) as error:
        profile_program(python_program([str(tmp_path / "plain.py")]), this_place(tmp_path, {}), store)
    store.close()
    assert error.value.exit_status == status


@pytest.mark.slow
def test_a_program_with_a_profiler_of_its_own_is_left_it(tmp_path: Path) -> None:
    """torch has one profiler a process: the program's own result is whole, and the message says where it can be
    read."""
    (tmp_path / "own.py").write_text(
        "import torch\nfrom torch.profiler import profile\nwith profile() as found: torch.ones(3)\n"
        "assert any(e.name == 'aten::ones' for e in found.events())\n"
    )
    store = Store(str(tmp_path / "runs.sqlite"))
    with pytest.raises(CaseFailed, match="it runs torch's profiler itself; `harness breakdown` reads"):
        profile_program(python_program([sys.executable, str(tmp_path / "own.py")]), this_place(tmp_path, {}), store)
    store.close()
