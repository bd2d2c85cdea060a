"""The configurations beside one in its space: one tunable, one step of its list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.suite import where
from harness.values.case import Tunables
from harness.values.suite import SweepSpace


def neighbours(space: SweepSpace, chosen: Tunables, dims: Mapping[str, int]) -> Iterator[Tunables]:
    """The neighbours of a configuration with all its tunables, if the space's conditions hold for them. A tunable whose
    chosen value is not in its list has no neighbours. A value from outside of the space is no error."""
    for name, values in space.values.items():
        place = next((at for at, value in enumerate(values) if _same(value, chosen.get(name))), None)
        if place is None:
            continue
        for at in (place - 1, place + 1):
            if 0 <= at < len(values):
                beside = {**chosen, name: values[at]}
                if all(where.holds(condition, {**dims, **beside}) for condition in space.where):
                    yield beside


def _same(one: object, other: object) -> bool:
    """Equality in which 1 is not True."""
    return one == other and type(one) is type(other)
