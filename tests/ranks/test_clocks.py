"""Clocks of ranks are found again from the ends of their collectives, and the error that is left is said."""

from __future__ import annotations

from random import Random

import pytest

from harness.ranks.clocks import aligned
from harness.ranks.match import Match, matched
from harness.ranks.rank_trace import Instance
from harness.values.ranks import Kind

KIND = Kind("all_reduce", "0 [0,1]", 2, "bf16", 1 << 20)
REDUCE = Kind("broadcast", "0 [0,1]", 2, "bf16", 1 << 20)


def made(offset_ns: int, ppm: float, noise_ns: int, count: int = 60) -> list[Match]:
    """Two ranks that leave together; rank 1's clock is behind by offset and slow by ppm."""
    random, found = Random(1), []
    for number in range(count):
        end = 1_000_000 * (number + 1)
        behind = round((end + offset_ns) * (1 + ppm / 1e6)) + random.randint(-noise_ns, noise_ns)
        on = {0: Instance(end - 20_000, end, KIND, number), 1: Instance(behind - 30_000, behind, KIND, number)}
        found.append(Match(KIND, number, on))
    return found


@pytest.mark.parametrize("offset_ns", [0, 137, -5_000_000_000, 10**12])
@pytest.mark.parametrize("noise_ns", [0, 500])
def test_an_offset_is_found_again(offset_ns: int, noise_ns: int) -> None:
    """Within the noise, which is what is said to be left."""
    clock = aligned([0, 1], made(offset_ns, 0, noise_ns))[1]
    assert abs(clock.fit.offset_ns + offset_ns) <= noise_ns / 2 and clock.fit.drift_ppm == 0
    assert clock.fit.error_ns <= noise_ns and clock.fit.pairs == 60
    assert clock.fit.error_95_ns >= clock.fit.error_ns


def test_a_drift_is_found_where_it_is_seen() -> None:
    """20 ppm are 1.2 us over 60 ms; durations stay what was measured."""
    matches = made(3_000_000, 20, 10)
    clocks = aligned([0, 1], matches)
    assert clocks[1].fit.drift_ppm == pytest.approx(-20, rel=0.05) and clocks[1].fit.error_ns <= 20
    for match in matches:
        start_ns, end_ns = clocks[1].span(match.on[1])
        assert end_ns - start_ns == 30_000 and abs(end_ns - match.on[0].end_ns) < 100


def test_one_odd_collective_moves_nothing() -> None:
    """A median is not moved by one rank that left late."""
    matches = made(500, 0, 0, 9)
    one = matches[4].on[1]
    matches[4] = Match(
        KIND, 4, {0: matches[4].on[0], 1: Instance(one.start_ns, one.end_ns + 10**9, KIND, one.sequence)}
    )
    assert aligned([0, 1], matches)[1].fit.offset_ns == -500


def test_what_does_not_wait_for_all_aligns_nothing() -> None:
    """The root of a broadcast leaves before the others."""
    matches = [Match(REDUCE, match.number, match.on) for match in made(500, 0, 0)]
    assert aligned([0, 1], matches)[1].fit.pairs == 0


def test_ranks_without_a_common_group_are_aligned_over_others() -> None:
    """0 with 1, 1 with 2: the offset of 2 is the sum."""
    pairs = []
    for a, b in ((0, 1), (1, 2)):
        for number in range(5):
            end = 1000 * (number + 1)
            pairs.append(
                Match(KIND, number, {a: Instance(0, end + 100 * a, KIND, 1), b: Instance(0, end + 100 * b, KIND, 1)})
            )
    assert [clock.fit.offset_ns for clock in aligned([0, 2, 1], pairs).values()] == [0, -200, -100]


def test_coalesced_collectives_share_a_number() -> None:
    """Three in one group call: each is matched with its own."""
    ranks = {rank: [Instance(10 * n + rank, 10 * n + 5, KIND, 7) for n in range(3)] for rank in (0, 1)}
    found, lacking, alone = matched(ranks)
    assert [match.on[1].start_ns - match.on[0].start_ns for match in found] == [1, 1, 1]
    assert not lacking and not alone
