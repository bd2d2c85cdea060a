"""Who is late by a little before every collective, and when that cannot be told."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from harness.ranks.match import Match
from harness.ranks.rank_trace import Instance
from harness.ranks.steady import LEAST, steady
from harness.ranks.timeline import COMMUNICATION, COMPUTE, StoredTimeline, Timeline
from harness.values.ranks import Kind, Steady

KIND = Kind("all_reduce", bytes=1024)
CLOCK_NS = 10**9
"""By so much every rank's clock is ahead of the one before."""


def job(folder: Path, seed: int, delays_ns: dict[int, int], count: int = 400, world: int = 2) -> tuple[Steady, ...]:
    """Each rank works for 70 us between collectives, and longer by noise: often a few us, one time in ten a slice of
    another process."""
    random = Random(seed)
    at_ns, on = 0, [dict[int, Instance]() for _ in range(count + 1)]
    lines = {rank: Timeline() for rank in range(world)}
    for number in range(count + 1):
        starts = {}
        for rank, line in lines.items():
            own_ns = at_ns + rank * CLOCK_NS + random.randrange(2_000)
            noise_ns = abs(round(random.gauss(0, 8_000))) + (random.random() < 0.1) * random.randrange(3_000_000)
            line.add(own_ns, own_ns + 70_000 + noise_ns, COMPUTE, "aten::mm")
            line.add(line.last_ns, line.last_ns + delays_ns.get(rank, 0), COMPUTE, "planted::slow")
            starts[rank] = line.last_ns
        end_ns = max(start_ns - rank * CLOCK_NS for rank, start_ns in starts.items()) + 20_000
        for rank, line in lines.items():
            own_ns = end_ns + rank * CLOCK_NS
            line.add(starts[rank], own_ns, COMMUNICATION, "gloo:all_reduce")
            on[number][rank] = Instance(starts[rank], own_ns, KIND, number)
        at_ns = end_ns
    for rank, line in lines.items():
        line.write(folder / f"{seed}-{rank}")
    stored = {
        rank: StoredTimeline(folder / f"{seed}-{rank}", list(line.labels), len(line.start_ns))
        for rank, line in lines.items()
    }
    return steady([Match(KIND, number, found) for number, found in enumerate(on)], stored)


@pytest.mark.parametrize("world", [2, 3])
def test_50_us_are_told_from_noise_of_milliseconds(tmp_path: Path, world: int) -> None:
    """Each time: the rank, the op, and an interval around what was planted."""
    for seed in range(20 if world == 2 else 6):
        late = seed % world
        (row,) = job(tmp_path, seed, {late: 50_000}, world=world)
        assert (row.late, row.rank, row.cause) == (True, late, "planted::slow"), seed
        assert row.low_ns < 50_000 < row.high_ns and row.cause_ns == 50_000


def test_equal_ranks_are_not_named(tmp_path: Path) -> None:
    """0 of 20; nor is one that is late by less than equal ranks differ by, or a few times by much."""
    for seed in range(20):
        (row,) = job(tmp_path, seed, {})
        assert not row.late and not row.cause and row.low_ns < 10_000
    (row,) = job(tmp_path, 20, {1: 5_000})
    assert not row.late


def test_a_few_collectives_say_nothing(tmp_path: Path) -> None:
    """An interval needs blocks."""
    assert job(tmp_path, 0, {1: 50_000}, count=LEAST - 1) == ()
    assert len(job(tmp_path, 0, {1: 50_000}, count=LEAST)) == 1
