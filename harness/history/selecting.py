"""The stored series of the cases that a command names; it imports little, because a look at a case needs no more."""

from __future__ import annotations

from harness.errors import HarnessError
from harness.id_filter import matches, select
from harness.store import Store
from harness.values.point import CaseSeries


def meant(store: Store, case: str, suite: str) -> list[CaseSeries]:
    """The stored series of the cases that `case` selects, as `-k`. Empty: all. Raises HarnessError, naming the
    available ones, if it selects none."""
    known = [one for one in store.series() if suite in ("", one.suite)]
    found = [one for one in known if not case or matches(case, one.case.id)]
    if not known:
        of = f" of suite {suite}" if suite else ""
        raise HarnessError(f"no runs{of} in {store.location}; `harness run SUITE` makes one")
    if not found:
        select(case, list(dict.fromkeys(one.case.id for one in known)))  # raises, and names the available ids
    return found
