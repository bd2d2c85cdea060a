"""The stored results of a sweep's configurations, under this sweep's case ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from harness.observe.code import is_still
from harness.values.case import Case
from harness.values.closure import Closure
from harness.values.sweep import Configuration


def still_true(rows: Mapping[str, Configuration], tree: Path) -> dict[str, Configuration]:
    """Return, by key, the rows whose code and data are unchanged.

    For each variant, every file that a process was seen to read for any of its rows must be unchanged, with no read
    unobserved. Rows that no process ran to the end (pruned, killed) count with those of their variant. A variant
    without any observed row is left out.
    """
    closures: dict[str, list[Closure]] = {}
    for row in rows.values():
        if row.closure is not None:
            closures.setdefault(row.case.implementation, []).append(row.closure)
    true = {variant for variant, found in closures.items() if all(_holds(one, tree) for one in _distinct(found))}
    return {key: row for key, row in rows.items() if row.case.implementation in true}


def _distinct(closures: Iterable[Closure]) -> Iterable[Closure]:
    return {msgspec.json.encode(closure, order="sorted"): closure for closure in closures}.values()


def _holds(closure: Closure, tree: Path) -> bool:
    return not closure.unproved and all(is_still(tree / name, found) for name, found in closure.files.items())


def of_now(row: Configuration, case: Case) -> Configuration:
    """A stored row under the case's id in this sweep."""
    measurement = msgspec.structs.replace(row.measurement, case=case)
    return msgspec.structs.replace(row, measurement=measurement)


def same_again(rows: dict[str, Configuration]) -> dict[str, Configuration]:
    """The rows, with each duplicate pointing at this sweep's case that has its time. A duplicate without such a case is
    left out."""
    timed = {row.identity: name for name, row in rows.items() if row.identity and row.same_as is None}
    found = {}
    for name, row in rows.items():
        if row.same_as is None:
            found[name] = row
        elif row.identity in timed:
            found[name] = msgspec.structs.replace(row, same_as=timed[row.identity])
    return found
