"""A compiler's own words are found in all that it prints, and are the same in every run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("triton")

from harness.static.complaint import complaint, complaint_in, last_line_in, reason_of

PTXAS = """PTXAS error: Internal Triton PTX codegen error
`ptxas` stderr:
ptxas info    : 0 bytes gmem
ptxas /tmp/tmpv4fbl_gf.ptx, line 69; fatal   : Parsing error near 'v_mov_b32': syntax error
ptxas fatal   : Ptx assembly aborted due to errors
"""


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (PTXAS, "Parsing error near 'v_mov_b32': syntax error"),
        ("ptxas error   : Entry function 'k' uses too much shared data\n", "Entry function 'k' uses too"),
        ("/home/me/kernel.py:12:8: error: 'tt.dot' op expected 3\nmodule {\n", "kernel.py:12:8: 'tt.dot' op"),
        ("error: invalid instruction\n\thello world\n\t^\nld.lld: error: x\n", "invalid instruction: hello world"),
        ("LLVM ERROR: Cannot select: t1\n", "Cannot select: t1"),
        ("python: /root/X.cpp:53: void f(): Assertion `a < b' failed.\nStack dump:\n", "Assertion `a < b' failed."),
        ("an error: of the kernel's own prints\nwarning: error\n", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_the_first_error_is_the_complaint(printed: str, said: str) -> None:
    assert complaint(printed).startswith(said) and bool(said) is bool(complaint(printed))


def test_a_complaint_is_found_in_megabytes(tmp_path: Path) -> None:
    file = tmp_path / "printed"
    file.write_bytes(b"\xff" * 5_000_000 + b"\nLLVM ERROR: here\n" + b"z\n" * 2_000_000 + b"the end\n\n")
    assert (complaint_in(file), last_line_in(file)) == ("here", "the end")


def test_a_reason_is_one_printable_line() -> None:
    assert reason_of(ValueError("one\ntwo")) == "ValueError: one"
    assert reason_of(ValueError("\ud800")) == "ValueError: \\ud800", "text that no wire takes"
    failed = RuntimeError("PassManager::run failed")
    assert reason_of(failed, "k.py:1:2: no such op") == "RuntimeError: k.py:1:2: no such op"
    assert reason_of(failed) == "RuntimeError: PassManager::run failed"
    assert reason_of(KeyError("x"), "of another case") == "KeyError: 'x'"
