"""The landscape of a stored sweep: the fastest time of each question at each pair of values of its two largest
tunables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from harness.values.measurement import Status
from harness.values.sweep import Configuration, SweptVariant

from ..figures import axes_words, clean, number
from .joined import Joined, MeasuredCase, by_question
from .kernel_view import site_name
from .sweep_view import Landscape, build

STRONGEST = 35
"""Percent of a colour behind the slowest cell: text stays readable on it in both themes."""


@dataclass(frozen=True)
class Tile:
    """text: us, or a dash. shade: 0 for the fastest to `STRONGEST`, on the logarithm. best: the fastest."""

    text: str
    us: float | None
    shade: int
    best: bool


@dataclass(frozen=True)
class Terrain:
    """title: the question and variant. counts: the number of configurations. matters: the share of the spread of log
    time that each tunable's value explains by itself, in words."""

    title: str
    landscape: Landscape
    rows: tuple[tuple[str, tuple[Tile, ...]], ...]
    counts: str
    matters: str


def terrains(joined: Joined) -> tuple[Terrain, ...]:
    """One for each question and variant of a sweep with two tunables or more; none for other runs."""
    found = []
    for entries in by_question(joined.kind("kernel")):
        swept = [e for e in entries if e.case.tunables_in_id and e.case.answer and e.measurement]
        for variant in dict.fromkeys(e.case.answer.variant for e in swept if e.case.answer):
            same = [e for e in swept if e.case.answer and e.case.answer.variant == variant]
            found += list(_terrain(variant, same))
    return tuple(found)


def _terrain(variant: str, entries: list[MeasuredCase]) -> Iterator[Terrain]:
    case = entries[0].case
    rows = tuple(Configuration("", entry.measurement) for entry in entries if entry.measurement)
    question = SweptVariant(case.op or "", case.site or "", variant, case.dtype, case.dims, rows)
    view = build(question)
    if view.landscape is None:
        return
    ok = sum(row.measurement.status is Status.OK and bool(row.measurement.samples) for row in rows)
    yield Terrain(
        title=f"{site_name(case)}, {axes_words(case.axes, case.kind)}, {clean(variant)}",
        landscape=view.landscape,
        rows=tuple(_rows(view.landscape)),
        counts=f"{ok} of {len(rows)} configurations were timed",
        matters=", ".join(f"{clean(name)} {100 * share:.0f} %" for name, share in view.matters),
    )


def _rows(landscape: Landscape) -> Iterator[tuple[str, tuple[Tile, ...]]]:
    known = [us for row in landscape.cells for us in row if us is not None]
    low, room = min(known), math.log(max(known) / min(known)) or 1.0
    for name, cells in zip(landscape.rows, landscape.cells, strict=True):
        yield name, tuple(_tile(us, low, room) for us in cells)


def _tile(us: float | None, low: float, room: float) -> Tile:
    if us is None:
        return Tile("-", None, 0, False)
    return Tile(number(us), us, round(STRONGEST * math.log(us / low) / room), us == low)
