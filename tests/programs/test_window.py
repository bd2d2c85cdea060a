"""Which part of a program is recorded, as the command line says it."""

from __future__ import annotations

import signal

import pytest

from harness.errors import HarnessError
from harness.programs.window import Window, window


def test_a_window_is_steps_calls_of_a_range_or_between_signals() -> None:
    """Nothing given is all of it."""
    assert window(0, 0, "", "").whole and not window(1, 0, "", "").whole
    assert str(window(2, 3, "", "")) == "steps 3 to 5" and str(window(2, 0, "", "")) == "steps 3 to the last"
    assert str(window(0, 0, "decode", "")) == "all calls of decode"
    assert window(0, 0, "", "sigusr2") == Window(signal=signal.SIGUSR2)


@pytest.mark.parametrize("given", [(0, 0, "", "KILL"), (1, 0, "", "USR1"), (0, 0, "x", "USR1")])
def test_what_does_not_go_together_is_refused(given: tuple[int, int, str, str]) -> None:
    """One line; a signal that nobody can handle is none."""
    with pytest.raises(HarnessError, match="--signal"):
        window(*given)
