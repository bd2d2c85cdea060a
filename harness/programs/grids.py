"""A formula for the launch grid, as far as all recorded cases agree on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.values.recorded import RecordedCase, RecordedTensor, RecordedValue


class Axis(NamedTuple):
    """An expression for one axis of a grid."""

    text: str
    """Python over the kernel's arguments."""
    tile: str = ""
    """The constant in it, "" without one."""


def grid_axes(cases: Sequence[RecordedCase]) -> tuple[Axis, ...] | None:
    """An expression for each axis of the grid. None where one follows from no known value, or where the cases have
    grids of several lengths."""
    lengths = {len(case.grid) for case in cases}
    if len(lengths) != 1:
        return None
    axes = [_axis(cases, at) for at in range(lengths.pop())]
    return None if None in axes else tuple(axis for axis in axes if axis is not None)


def _axis(cases: Sequence[RecordedCase], at: int) -> Axis | None:
    """The shortest expression that holds in every case: with a single case a coincidence is likelier, and a tile is
    preferred."""
    wanted = [case.grid[at] for case in cases]
    if set(wanted) == {1}:
        return Axis("1")
    sizes = [dict(_sizes(case)) for case in cases]
    tiles = [{n: v for n, v in case.constants.items() if type(v) is int and v > 1} for case in cases]
    for name in sizes[0]:
        for tile in tiles[0]:
            if all(name in s and tile in t and -(-s[name] // t[tile]) == w
                   for s, t, w in zip(sizes, tiles, wanted, strict=True)):  # fmt: skip
                return Axis(f"triton.cdiv({name}, {tile})", tile)
    for name in sizes[0]:
        if all(s.get(name) == w for s, w in zip(sizes, wanted, strict=True)):
            return Axis(name)
    return None


def _sizes(case: RecordedCase) -> Iterator[tuple[str, int]]:
    for name, value in case.arguments.items():
        if isinstance(value, RecordedValue) and type(value.value) is int:
            yield name, value.value
    for name, value in case.arguments.items():
        if isinstance(value, RecordedTensor):
            for at, size in enumerate(value.shape):
                yield f"{name}.shape[{at}]", size
            total = 1
            for size in value.shape:
                total *= size
            yield f"{name}.numel()", total
