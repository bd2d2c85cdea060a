"""What a terminal gets of text that somebody else wrote."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plain_text import on_terminal, visible
from tests.conftest import REPOSITORY

EVIL = "evil \x1b]0;title\x07\x1b[31m red \u202e mark\x9b2J"


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    """Every other character stays where it was."""
    shown = visible(text)
    assert len(shown) == len(text)
    assert all(s == t for s, t in zip(shown, text, strict=True) if s != "\ufffd")
    assert not any(c in shown for c in "\x1b\x07\x08\x9b\u202e\u2066\u200f\r")


def test_the_programs_own_colours_stay() -> None:
    """A title or a screen cannot be set, and text cannot be turned round."""
    assert on_terminal("\x1b[32mFASTER\x1b[0m\r\x1b[2K") == "\x1b[32mFASTER\x1b[0m\r\x1b[2K"
    assert on_terminal("\x1b]0;x\x07") == "\ufffd]0;x\ufffd"


@pytest.mark.parametrize("arguments", [("list", "s.yaml"), ("list", "no\x1b]0;x\x07.yaml")])
def test_a_suite_reaches_no_terminal_raw(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Neither through a pipe nor on a terminal of its own; in tables as in errors."""
    tiny = (REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml").read_text()
    title = '"evil \\e]0;title\\a\\e[31m red \\u202E mark"'
    (tmp_path / "s.yaml").write_text(tiny.replace("A tiny Qwen3.5 MoE, for a laptop", title))
    command = [sys.executable, "-m", "harness", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm"}
    piped = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    ours, theirs = pty.openpty()
    on_tty = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 65536):
            seen += part
    except OSError:  # the other end was closed
        pass
    on_tty.wait()
    for text in (piped.stdout + piped.stderr, seen):
        assert b"\x1b]" not in text and b"\x07" not in text and "\u202e".encode() not in text
        assert b"evil" in text or b"no" in text
