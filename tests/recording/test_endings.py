"""How a recorded program and its children end."""

from __future__ import annotations

import os
import signal

import pytest

from harness.recording.program import as_the_system_sees
from harness.recording.session import Session


@pytest.mark.parametrize(("status", "seen"), [(0, 0), (3, 3), (True, 1), (256, 0), (-1, 255), (2**40 + 7, 7)])
def test_a_status_is_what_a_shell_would_see(status: int, seen: int) -> None:
    """A plain number, which can be stored: `sys.exit(True)` is allowed."""
    found = as_the_system_sees(status)
    assert (found, type(found)) == (seen, int)


def test_a_child_that_ends_already_is_not_ended_by_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool ends its workers by SIGTERM while they write their traces, which would be lost."""
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append(number))
    session = Session.__new__(Session)
    session._ended = True
    session._terminated(signal.SIGTERM, None)
    assert killed == []
