"""A program of which nothing can be recorded says why, with its own status."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from harness.errors import CaseFailed, HarnessError
from harness.programs.op_files import write_ops
from harness.programs.place import this_place
from harness.programs.record import record_program
from harness.programs.told import Calls
from harness.programs.window import Window
from harness.programs.words import python_program
from harness.values.recorded import Recorded, RecordedCase, RecordedOp, RecordedTensor, RecordedValue


@pytest.mark.parametrize(
    ("text", "said", "status"),
    [
        ("raise SystemExit(3)", "ended with status 3; nothing recorded: it never imported torch", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV; nothing recorded", 128 + 11),
        ("", "nothing recorded: it never imported torch", 5),
    ],
)
def test_one_line_and_the_programs_own_status(tmp_path: Path, text: str, said: str, status: int) -> None:
    """5 where the program itself ended well."""
    assert signal.SIGSEGV == 11
    (tmp_path / "plain.py").write_text(text)
    program, place = python_program([str(tmp_path / "plain.py")]), this_place(tmp_path / "here", {})
    with pytest.raises(CaseFailed, match=said) as error:
        record_program(program, place, Window(1, 4), Calls(), tmp_path / "out", False)
    assert error.value.exit_status == status and not (tmp_path / "out").exists() and not place.folder.exists()


def test_what_makes_no_file_says_why_and_nothing_is_overwritten(tmp_path: Path) -> None:
    """A kernel without a grid that follows from its arguments keeps its tiles; one inside of a function is refused."""
    (tmp_path / "serve.py").write_text("import triton\n\n@triton.jit\ndef kernel(x, n, BLOCK):\n    pass\n")
    (tmp_path / "kernel.pt").touch()
    arguments = {"x": RecordedTensor((3, 100), (100, 1), "bfloat16"), "n": RecordedValue(100)}
    case = RecordedCase(1, arguments, 8, 1, (132,), {"BLOCK": 32})
    op = RecordedOp("kernel", "launch", "kernel", str(tmp_path / "serve.py"), "kernel", "", ("x", "n"), ("x",), (case,))
    inner = RecordedOp("other", "launch", "f.other", "", "f.other", "", (), (), (case,), reason="is inside of f")
    found = Recorded(("serve.py",), (op, inner), 2, 9)
    tensors, out = {"kernel": tmp_path / "kernel.pt"}, tmp_path / "out"
    assert write_ops(found, tensors, out, False) == {"other": "is inside of f"}
    text = (out / "kernel.py").read_text()
    assert "GRIDS = {((3, 100), 100): (132,)}" in text and "GRIDS[(tuple(x.shape), n,)]" in text
    assert "BLOCK=32" in text and '"BLOCK":' not in text and "dtype: bfloat16" in (out / "recorded.yaml").read_text()
    compile(text, "kernel.py", "exec")
    with pytest.raises(HarnessError, match="is there already; --force writes over it"):
        write_ops(found, tensors, out, False)
    write_ops(found, tensors, out, True)
