"""A run whose writer is gone is told from one that goes on."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from harness.store.writer import is_alive, this_command, this_writer


def test_this_process_is_alive() -> None:
    assert is_alive(this_writer())


@pytest.mark.parametrize(("place", "value"), [(1, "another boot"), (2, "999999999"), (3, "1"), (2, "garbage")])
def test_another_process_with_the_same_number_is_not_the_writer(place: int, value: str) -> None:
    """After a reboot, or where the number was given out again."""
    parts = this_writer().split("|")
    parts[place] = value
    assert not is_alive("|".join(parts))


def test_a_writer_on_another_host_is_taken_to_live() -> None:
    """Nothing here can tell; its run may go on."""
    assert is_alive(f"elsewhere|{this_writer().partition('|')[2]}")


def test_a_killed_writer_that_nobody_waited_for_is_gone() -> None:
    """A zombie has its number and start time still."""
    script = "from harness.store.writer import this_writer; print(this_writer(), flush=True); input()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert child.stdout is not None
    writer = child.stdout.readline().strip()
    assert is_alive(writer)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(writer)
    child.communicate()


def test_the_command_of_a_run_can_be_typed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words with spaces and patterns stay one word for a shell."""
    words = ["harness", "run", "s.yaml", "-k", "int4*", "-m", "own op, it's no model"]
    monkeypatch.setattr(sys, "argv", words)
    assert shlex.split(this_command()) == words
