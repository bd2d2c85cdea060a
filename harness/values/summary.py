"""A stored run as a list shows it."""

from __future__ import annotations

import msgspec


class Summary(msgspec.Struct, frozen=True):
    """A run as it is listed.

    cases: Cases of its plan, without those that another one stands for.
    measured: Number of cases that have a row.
    purpose, comparison: For a run that is one side of a comparison measured as pairs, see `values.pairing`. `last`
        passes it over.
    """

    id: str
    uuid: str
    started: str
    suite: str
    state: str
    note: str
    tags: tuple[str, ...]
    cases: int
    measured: int
    device: str
    purpose: str = ""
    comparison: str = ""
