"""The line about the present machine that the reader of a run or comparison gets."""

from __future__ import annotations

from harness.machines.health import KNOWN, health
from harness.store import Store

LOOKS = 4 * KNOWN
"""The newest looks at this machine. Its usual needs KNOWN, and some of them may have other settings."""


def slow_today(store: Store, run_id: str) -> str:
    """One line if the machine of a run that has begun is slow beside its own usual. Else empty."""
    look = store.sniff_of(run_id)
    if look is None:
        return ""
    found = health([known for known in store.sniffs(look.machine, LOOKS) if known.started <= look.started])
    return f"{found.name} is slow today: {found.words}; `harness machines` shows its past" if found.slow else ""
