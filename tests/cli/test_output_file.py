"""A file that an option names is written with its folder, or one line says which option's file cannot be."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.output_file import write
from harness.errors import HarnessError


def test_text_is_utf_8_and_its_folder_is_made(tmp_path: Path) -> None:
    write("--csv", tmp_path / "new" / "a.csv", "± 1\n")
    assert (tmp_path / "new" / "a.csv").read_bytes() == "± 1\n".encode()


def test_what_cannot_be_written_is_named_with_its_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "a.csv"):
        with pytest.raises(HarnessError, match=rf"^--csv {path}: "):
            write("--csv", path, "")


def test_what_the_system_refuses_anywhere_is_one_line_and_a_mistake_stays_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(main, "app", lambda: Path("/dev/full").write_text("x"))
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2 and capsys.readouterr().err == "error: a file: No space left on device\n"
    monkeypatch.setattr(main, "app", lambda: Path("/no/such/file").read_text())
    with pytest.raises(FileNotFoundError):
        main.main()
