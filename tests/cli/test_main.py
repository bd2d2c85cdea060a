"""Only the command that is called is built."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main


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
