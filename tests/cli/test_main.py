"""Only the command that is called is built."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.store import Store


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["history", b"\xffcase"], r"error: b'\xffcase': an argument that is not UTF-8"),
        (["export", "last", "n" * 300], f"error: {'n' * 300}: cannot be written: File name too long"),
        (["store", "dump", f"{'n' * 300}.jsonl"], f"{'n' * 300}.jsonl.part: File name too long"),
        (["show", "n" * 300], f"error: no run {'n' * 300} in "),
    ],
)
def test_words_that_name_nothing_end_in_one_line(
    arguments: list[str | bytes], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from tests.compare.stored_runs import kernel, measured, stored

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    store = Store(".harness/runs.sqlite")
    store.add_run(stored(measured(kernel("a"), [10.0])), "u")
    store.close()
    monkeypatch.setattr(sys, "argv", ["harness", *map(os.fsdecode, arguments)])
    monkeypatch.setattr(main.signal, "signal", lambda *_: None)
    monkeypatch.setattr(main, "_write_utf_8", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main.main()
    told = capsys.readouterr().err
    assert ended.value.code == 2 and said in told.replace("\n", "") and "Traceback" not in told


@pytest.mark.parametrize("name", [command.name for command in main.app.registered_commands])
def test_a_command_is_built_alone(name: str) -> None:
    """The rest of the program stays as it is."""
    one = main._with_one_command([name, "--help"])
    assert [command.name for command in one.registered_commands] == [name]
    assert one.registered_callback is main.app.registered_callback
    assert len(main.app.registered_commands) > 20


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version"], ["breakdwn"], ["store", "list"]])
def test_the_whole_program_says_what_there_is(arguments: list[str]) -> None:
    """Its help, and what is near to a wrong name."""
    assert main._with_one_command(arguments) is main.app


def test_a_shell_completes_commands_and_options() -> None:
    """By the variables that the completion script of bash sets; in a process, as a shell asks."""

    def completed(words: str) -> list[str]:
        asked = {"_HARNESS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        command = str(Path(sys.executable).with_name("harness"))
        done = subprocess.run([command], env=os.environ | asked, capture_output=True, text=True, check=False)
        return done.stdout.split()

    assert completed("harness sw") == ["sweep"]
    assert completed("harness compare --stat") == ["--static"]
