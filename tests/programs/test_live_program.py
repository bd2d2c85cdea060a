"""Programs in processes of their own, under the profiler as they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import CaseFailed
from harness.programs.execute import profile_program
from harness.programs.place import this_place
from harness.programs.words import python_program
from harness.store import Store

PROGRAM = """
import multiprocessing, pickle, sys
import torch
class Own: pass
assert __name__ == "__main__" and pickle.loads(pickle.dumps(Own())) and sys.argv[1:] == ["--twice", "3"], sys.argv
for _ in range(3):
    torch.mm(torch.ones(8, 8), torch.ones(8, 8))
import beside
print("the program's own words")
sys.exit(4)
"""


def test_a_program_runs_as_it_is_and_what_it_did_is_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its arguments, folder, classes, output and exit status; a status that is not 0 loses nothing."""
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "beside.py").touch()
    store = Store(str(tmp_path / "runs.sqlite"))
    program = python_program(["python", str(tmp_path / "train.py"), "--twice", "3"])
    run, ended = profile_program(program, this_place(tmp_path / "ranks", {}), store, keep=tmp_path / "kept")
    store.close()
    assert run is not None and ended.status == 4 and run.program is not None and run.state == "partial"
    assert run.program.failed == {0: "ended with status 4"}
    (mm,) = [row for row in run.profiles[0].ops if row.name == "aten::mm"]
    assert mm.calls == 3 and run.environment is not None and run.environment.device_kind in ("cpu", "cuda")
    assert "the program's own words" in capfd.readouterr().out
    assert [file.name for file in (tmp_path / "kept").iterdir()] == ["rank0.json.gz"]
    assert not list((tmp_path / "ranks").iterdir())


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
