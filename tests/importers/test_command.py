"""`harness import-op`: which files it writes, what it prints, and that problems run in a worker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from harness.errors import HarnessError
from harness.importers.import_ops import Runner
from harness.importers.messages import InputKinds, ProbeInputs
from harness.importers.outcome import NotImported
from harness.importers.problem_files import find_problems
from harness.kernels_root import in_use
from harness.plan import expand
from harness.suite.load import load_suite
from tests.importers.problems import BENCHMARK, GEMM, SIMPLE, write


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["import-op", *arguments])


def test_a_folder_of_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An op for each that makes one and a suite that loads; a line for each that does not. None of their code runs in
    this process."""
    at_import = "import os\nos.environ['IMPORTED_HERE'] = str(os.getpid())\n"
    write(tmp_path, "in/2_Gemm.py", at_import + GEMM)
    write(tmp_path, "in/10_Dead.py", SIMPLE.replace("BODY", "__import__('os')._exit(4)"))
    found = run("kernelbench", str(tmp_path / "in"), "-o", str(tmp_path / "out"))
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    assert lines[0] == "imported  gemm_2: checked at 2 shapes in float32, bfloat16"
    assert lines[1] == f"refused   {tmp_path}/in/10_Dead.py: its process ended with exit status 4"
    assert lines[2] == "1 of 2 imported, 1 of them checked on the CPU; 1 refused"
    suite = load_suite(tmp_path / "out" / "imported.yaml")
    assert [(case.op, case.dims["batch_size"]) for case in expand(suite).cases] == [("gemm_2", 128)]
    assert "IMPORTED_HERE" not in os.environ
    monkeypatch.setattr(Runner, "ask", None)  # said before anything is run
    again = run("kernelbench", str(tmp_path / "in"), "-o", str(tmp_path / "out"))
    assert isinstance(again.exception, HarnessError)
    assert "is there already; --force writes over it" in str(again.exception)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("kernelbnch", "x.py"), "kernelbnch: unknown kind; .*did you mean kernelbench?"),
        (("kernelbench", "missing"), "missing: no such file or folder"),
        (("tritonbench", "."), r"\.: holds no operator.py"),
    ],
)
def test_what_is_misspelt(
    arguments: tuple[str, ...], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HarnessError, match=what):
        raise run(*arguments).exception or AssertionError("no error")


def test_problems_of_a_folder_in_their_order(tmp_path: Path) -> None:
    """Numbers by value; only files of the kind; a pattern reaches into folders."""
    for name in ("10_b.py", "9_a.py", "note.txt", "mine/benchmarks/benchmark.py", "mine/benchmarks/plot.py"):
        write(tmp_path, name, BENCHMARK)
    names = [file.name for file in find_problems("kernelbench", str(tmp_path))]
    assert names == ["9_a.py", "10_b.py", "benchmark.py", "plot.py"]
    assert [file.name for file in find_problems("hf-kernels", str(tmp_path))] == ["benchmark.py"]
    assert len(find_problems("kernelbench", str(tmp_path / "**" / "*.py"))) == 4


@pytest.mark.slow
def test_a_problem_that_hangs_is_given_up() -> None:
    """Its worker is killed, and the next problem has a fresh one."""
    runner = Runner(in_use(), limit_s=2.0)
    try:
        hangs = ProbeInputs("import time\n\ndef inputs():\n    time.sleep(600)\n", "hangs.py", {})
        with pytest.raises(NotImported, match="runs for more than 2 s on this CPU"):
            runner.ask(hangs, InputKinds)
        answer = runner.ask(ProbeInputs("def inputs(n):\n    return [n]\n", "fine.py", {"n": 3}), InputKinds)
        assert answer.kinds == {"0": "3"}
    finally:
        runner.end()
