"""Match the collectives of ranks to each other: by group and number where torch gives them, otherwise by type and
order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

import msgspec

from harness.ranks.collectives import POINT_TO_POINT, SEND, SEND_RECV, members
from harness.ranks.rank_trace import Instance
from harness.values.ranks import Kind, Lacking

MOST_ALIGNED = 2000
"""With more collectives of one type, those without the same number on all ranks are matched by order from the first: a
search for the gap would take the square of their number."""

Key = tuple[object, ...]


class Family(NamedTuple):
    """Collectives that follow one another on the same ranks."""

    type: str
    group: str
    ends: tuple[int, ...] = ()
    """Sender and receiver."""


@dataclass(frozen=True)
class Match:
    """One collective."""

    kind: Kind
    number: int
    """Its position within its type and group."""
    on: Mapping[int, Instance]
    """The collective on each rank."""


def matched(of_ranks: Mapping[int, Sequence[Instance]]) -> tuple[list[Match], tuple[Lacking, ...], int]:
    """Return three things: all collectives that two ranks or more have, by their first end, sends with their recvs; the
    ranks that lack some; the number of collectives without a partner."""
    families: dict[Family, dict[int, list[Instance]]] = defaultdict(dict)
    alone = 0
    for rank, instances in of_ranks.items():
        for instance in instances:
            family = _family_of(rank, instance, of_ranks)
            if family is None:
                alone += 1
            else:
                families[family].setdefault(rank, []).append(instance)
    found: list[Match] = []
    lacking: list[Lacking] = []
    for family, by_rank in families.items():
        expected = family.ends or [rank for rank in members(family.group) or of_ranks if rank in of_ranks]
        if len(expected) < 2:
            alone += sum(map(len, by_rank.values()))
            continue
        rows = list(_family(by_rank, bool(family.ends)))
        found += [row for row in rows if len(row.on) > 1]
        alone += sum(len(row.on) == 1 for row in rows)
        lacking += [] if family.ends else _lacking(rows, expected)
    found.sort(key=lambda match: (min(one.end_ns for one in match.on.values()), match.kind))
    return found, tuple(lacking), alone


def _family_of(rank: int, one: Instance, ranks: Collection[int]) -> Family | None:
    """The family of a collective; None for a send or recv whose other end is unknown or has no trace. With two ranks,
    the other end is the other rank."""
    if one.kind.type not in POINT_TO_POINT:
        return Family(one.kind.type, one.kind.group)
    peer = one.peer
    if peer is None and len(ranks) == 2:
        peer = next(other for other in ranks if other != rank)
    if peer is None or peer not in ranks or peer == rank:
        return None
    ends = (min(rank, peer), max(rank, peer)) if one.kind.type == SEND_RECV else (rank, peer)
    return Family(SEND_RECV, one.kind.group, ends if one.kind.type in (SEND, SEND_RECV) else (peer, rank))


def _family(by_rank: Mapping[int, Sequence[Instance]], pair: bool) -> Iterator[Match]:
    """Matches in order of their number. pair: a send and its recv, whose numbers are each rank's own."""
    numbered = not pair and all(one.sequence is not None for instances in by_rank.values() for one in instances)
    keys = _numbers(by_rank) if numbered else _places(by_rank)
    rows: dict[Key, dict[int, Instance]] = defaultdict(dict)
    for rank, instances in by_rank.items():
        for key, one in zip(keys[rank], instances, strict=True):
            rows[key][rank] = one
    for number, key in enumerate(sorted(rows), 1):
        on = dict(sorted(rows[key].items()))
        kind = max((one.kind for one in on.values()), key=lambda kind: kind.bytes)
        yield Match(msgspec.structs.replace(kind, type=SEND_RECV, size=2) if pair else kind, number, on)


def _numbers(by_rank: Mapping[int, Sequence[Instance]]) -> dict[int, list[Key]]:
    """Keys by number; coalesced collectives share a number, so the key also has the position among them."""
    keys: dict[int, list[Key]] = {}
    for rank, instances in by_rank.items():
        seen: Counter[int | None] = Counter()
        keys[rank] = []
        for one in instances:
            keys[rank].append((one.sequence, seen[one.sequence]))
            seen[one.sequence] += 1
    return keys


def _places(by_rank: Mapping[int, Sequence[Instance]]) -> dict[int, list[Key]]:
    """Keys by order; a rank with fewer collectives is aligned with the rank that has most, by dtype and size."""
    longest = max(by_rank, key=lambda rank: len(by_rank[rank]))
    tokens = {rank: [(one.kind.dtype, one.kind.bytes) for one in instances] for rank, instances in by_rank.items()}
    return {rank: [(place,) for place in _aligned(tokens[longest], tokens[rank])] for rank in by_rank}


def _aligned(longest: Sequence[object], other: Sequence[object]) -> Sequence[float]:
    """The position of each of `other` in `longest`; an element without a counterpart gets one between two."""
    if len(longest) == len(other) or len(longest) > MOST_ALIGNED or len(set(longest)) == 1:
        return range(len(other))
    places: list[float] = []
    for tag, from_long, to_long, start, end in SequenceMatcher(None, longest, other, autojunk=False).get_opcodes():
        for step in range(end - start):
            known = tag in ("equal", "replace") and from_long + step < to_long
            places.append(from_long + step if known else to_long - 0.5 + step / (2 * (end - start)))
    return places


def _lacking(rows: Sequence[Match], expected: Sequence[int]) -> Iterator[Lacking]:
    for rank in expected:
        has = [place for place, row in enumerate(rows) if rank in row.on]
        missing = [place for place, row in enumerate(rows) if rank not in row.on]
        inside = [place for place in missing if has and has[0] < place < has[-1]]
        for places, edge in ((inside, False), ([place for place in missing if place not in set(inside)], True)):
            for kind, count in Counter(rows[place].kind for place in places).items():
                yield Lacking(kind, rank, count, edge)
