"""Only the command that is called is built."""

from __future__ import annotations

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
