"""Map any replay of a CUDA or HIP graph back to the ops and scopes that the graph was made of.

A graph launch owns all its kernels. The same program, run op by op, launched the same kernels in the same order, in
another trace or elsewhere in the same one. A replay is aligned with that sequence by kernel names; where the names
disagree nothing is guessed. Traces that torch (2.12 and later) annotated give the scope of each node of a graph.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from harness.trace.attribute import Attribution
from harness.trace.difference import family
from harness.trace.replay import Capture
from harness.trace.rows import NONE, Rows
from harness.values.profile import SumRow

GRAPH_LAUNCH = re.compile(r"Graph\w*Launch", re.IGNORECASE)
GRAM = 4
"""Length of a sequence of names by which a replay finds its place in the reference."""
MOST_PLACES = 64
"""Most places kept for one such sequence: a program repeats itself, and its first places are as good as the others."""
LEAST_SHARE = 0.5
"""Least share of a replay's time that must match: below it is another program, and nothing is mapped."""


@dataclass(frozen=True)
class Replayed:
    """Time of replays, the time that was mapped, and the kernels that were not, longest first."""

    replayed_ns: int = 0
    mapped_ns: int = 0
    left: tuple[SumRow, ...] = ()


def recorded_by_op(rows: Rows, attribution: Attribution) -> Capture:
    """The GPU rows that were launched one by one, in the order of their launches: the reference for replays."""
    named = [*rows.names, ""]  # NONE is -1: the last
    texts: dict[str, int] = {}
    found = []
    for row in _by_launch(rows, attribution):
        op, scope = attribution.of(row)
        parts = named[rows.gpu.name[row]], named[op], named[scope]
        found.append(tuple(texts.setdefault(text, len(texts)) for text in parts))
    return Capture(tuple(texts), tuple((name, op, scope) for name, op, scope in found))


def _by_launch(rows: Rows, attribution: Attribution) -> list[int]:
    launches, launch_of = rows.launches, attribution.launch
    graphs = _graph_names(rows)
    single = [row for row, launch in enumerate(launch_of) if launch != NONE and launches.name[launch] not in graphs]
    return sorted(single, key=lambda row: launches.start_ns[launch_of[row]])


def _graph_names(rows: Rows) -> set[int]:
    return {name for name, text in enumerate(rows.names) if GRAPH_LAUNCH.search(text)}


def map_replays(rows: Rows, attribution: Attribution, reference: Capture | None, quality: Counter[str]) -> Replayed:
    """Give the GPU rows of every graph launch the op and scope of the row that they replay.

    reference: of another trace; None takes the rows that this trace launched op by op, and reports nothing where those
    are of another program. Rows with annotations are mapped already.
    """
    replays = list(_replays(rows, attribution))
    if not replays:
        return Replayed()
    known = reference or recorded_by_op(rows, attribution)
    places = _Places(known)
    index_of = rows.index_of_names()
    seen: dict[tuple[int, ...], dict[int, int]] = {}
    for replay in replays:
        key = tuple(rows.gpu.name[row] for row in replay)
        if key not in seen:
            seen[key] = places.of([rows.names[name] for name in key], [rows.gpu.duration_ns[row] for row in replay])
        for at, place in seen[key].items():
            op, scope = (known.texts[text] for text in known.rows[place][1:])
            if op or scope:
                attribution.mapped.setdefault(replay[at], (_index(op, rows, index_of), _index(scope, rows, index_of)))
    found = _found(rows, attribution, replays)
    if reference is None and not found.mapped_ns:
        return Replayed()
    quality["replayed_rows_not_mapped"] += sum(row.calls for row in found.left)
    return found


def use_annotations(rows: Rows, attribution: Attribution) -> None:
    """Give each graph node that torch annotated its annotation as scope."""
    index_of = rows.index_of_names()
    for row, said in rows.said.items():
        if said.annotation is not None and said.graph_node:
            attribution.mapped[row] = NONE, _index(str(said.annotation), rows, index_of)


def _found(rows: Rows, attribution: Attribution, replays: Sequence[Sequence[int]]) -> Replayed:
    replayed_ns = mapped_ns = 0
    left: dict[int, list[int]] = {}
    for row in (row for replay in replays for row in replay):
        replayed_ns += rows.gpu.duration_ns[row]
        if row in attribution.mapped:
            mapped_ns += rows.gpu.duration_ns[row]
        else:
            entry = left.setdefault(rows.gpu.name[row], [0, 0])
            entry[0] += 1
            entry[1] += rows.gpu.duration_ns[row]
    names = [SumRow(rows.names[name], *entry) for name, entry in left.items()]
    return Replayed(replayed_ns, mapped_ns, tuple(sorted(names, key=lambda row: (-row.total_ns, row.name))))


def _index(text: str, rows: Rows, index_of: dict[str, int]) -> int:
    if not text:
        return NONE
    if text not in index_of:
        index_of[text] = len(rows.names)
        rows.names.append(text)
    return index_of[text]


def _replays(rows: Rows, attribution: Attribution) -> Iterator[list[int]]:
    """The GPU rows of each graph launch, in the order in which they ran."""
    graphs = _graph_names(rows)
    of_launch: dict[int, list[int]] = defaultdict(list)
    for row, launch in enumerate(attribution.launch):
        if launch != NONE and rows.launches.name[launch] in graphs:
            of_launch[launch].append(row)
    for found in of_launch.values():
        yield sorted(found, key=lambda row: (rows.gpu.start_ns[row], row))


class _Places:
    """The places of sequences of names in a reference."""

    def __init__(self, reference: Capture) -> None:
        self._names = reference.names
        self._grams: dict[tuple[str, ...], array[int]] = defaultdict(lambda: array("q"))
        for place in range(len(self._names) - GRAM + 1):
            found = self._grams[tuple(self._names[place : place + GRAM])]
            if len(found) < MOST_PLACES:
                found.append(place)

    def of(self, names: Sequence[str], duration_ns: Sequence[int]) -> dict[int, int]:
        """Place in `names` -> place in the reference; empty where too little agrees."""
        start = self._start(names)
        if start is None:
            return {}
        slack = max(GRAM, len(names) // 8)
        low = max(0, start - slack)
        window = self._names[low : start + len(names) + slack]
        pairs = {at: low + place for at, place in _agreeing(names, window)}
        share = sum(duration_ns[at] for at in pairs)
        return pairs if share >= LEAST_SHARE * sum(duration_ns) else {}

    def _start(self, names: Sequence[str]) -> int | None:
        """The start in the reference that the most sequences of names agree on; the first among equals."""
        votes: Counter[int] = Counter()
        for at in range(len(names) - GRAM + 1):
            votes.update(place - at for place in self._grams.get(tuple(names[at : at + GRAM]), ()))
        return min(votes, key=lambda place: (-votes[place], place)) if votes else None


def _agreeing(names: Sequence[str], window: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of places with the same name, in order. Between them, also runs of equal length whose names differ only in
    numbers."""
    matcher = SequenceMatcher(None, names, window, autojunk=False)
    for tag, start, end, low, high in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(range(start, end), range(low, high), strict=True)
        elif tag == "replace" and end - start == high - low:
            for at, place in zip(range(start, end), range(low, high), strict=True):
                if family(names[at]) == family(window[place]):
                    yield at, place
