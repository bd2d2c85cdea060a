"""What the store knows of a sweep's configurations, in the words of this sweep."""

from __future__ import annotations

import msgspec

from harness.values.case import Case
from harness.values.sweep import Configuration


def of_now(row: Configuration, case: Case) -> Configuration:
    """A stored row under the id that the case has in this sweep."""
    measurement = msgspec.structs.replace(row.measurement, case=case)
    return msgspec.structs.replace(row, measurement=measurement)


def same_again(rows: dict[str, Configuration]) -> dict[str, Configuration]:
    """Duplicates, pointing at the case of this sweep that has their time; one whose case is not here has none."""
    timed = {row.identity: name for name, row in rows.items() if row.identity and row.same_as is None}
    found = {}
    for name, row in rows.items():
        if row.same_as is None:
            found[name] = row
        elif row.identity in timed:
            found[name] = msgspec.structs.replace(row, same_as=timed[row.identity])
    return found
