"""What two programs do to the same bytes is a race, unless atomics or a barrier order it; sequential runs show it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.shadow import Doer, Order, Shadow

COUNTER = np.array([4096])


def at(*elements: int) -> np.ndarray:
    """The bytes of 4-byte elements."""
    return np.array(elements)[:, None] * 4 + np.arange(4)


def doer(program: int, count: int = 1, line: int = 7, atomic: bool = False, first_lane: int = 0) -> Doer:
    return Doer(program, np.arange(first_lane, first_lane + count), line, atomic)


def test_a_read_of_what_another_program_writes_is_a_race_with_the_line_of_that_write() -> None:
    shadow, order = Shadow(64), Order()
    assert not shadow.write(at(0, 1, 2), doer(0, 3, line=11), order).any()
    assert shadow.read(at(1, 2, 3), doer(1, 3), order).tolist() == [11, 11, 0]


def test_two_writes_and_a_write_after_a_read_are_races() -> None:
    shadow, order = Shadow(64), Order()
    shadow.write(at(0), doer(0, line=11), order)
    assert shadow.write(at(0), doer(1), order).tolist() == [11]
    shadow.begin()
    shadow.read(at(0), doer(0, line=12), order)
    shadow.read(at(0), doer(1, line=13), order)
    assert shadow.write(at(0), doer(1), order).tolist() == [12]


def test_the_own_writes_of_a_program_and_an_earlier_launch_are_none() -> None:
    shadow, order = Shadow(64), Order()
    shadow.write(at(0, 1), doer(0, 2), order)
    assert not shadow.read(at(0, 1), doer(0, 2), order).any()
    shadow.begin()
    assert not shadow.read(at(0, 1), doer(1, 2), order).any()


def test_atomics_do_not_race_with_atomics_but_with_what_is_none() -> None:
    shadow, order = Shadow(64), Order()
    shadow.write(at(0), doer(0, atomic=True), order)
    assert not shadow.write(at(0), doer(1, atomic=True), order).any()
    assert shadow.read(at(0), doer(2), order).any()


def test_a_counter_orders_what_lies_before_it() -> None:
    """Each program leaves its part, then counts; who counts last may read all parts, and nobody else."""
    shadow, order = Shadow(64), Order()
    for program in range(3):
        shadow.write(at(program), doer(program, line=20 + program), order)
        order.atomic(program, COUNTER)
    assert not shadow.read(at(0, 1, 2), doer(2, 3, first_lane=0), order)[:2].any()
    assert shadow.read(at(2), doer(1), order).tolist() == [22]


def test_what_is_written_after_the_counter_is_not_ordered() -> None:
    shadow, order = Shadow(64), Order()
    order.atomic(0, COUNTER)
    shadow.write(at(0), doer(0, line=31), order)
    order.atomic(1, COUNTER)
    assert shadow.read(at(0), doer(1), order).tolist() == [31]


def test_order_is_handed_on() -> None:
    """0 before 1 by one counter, 1 before 2 by another: 0 before 2."""
    shadow, order = Shadow(64), Order()
    shadow.write(at(0), doer(0), order)
    order.atomic(0, COUNTER)
    order.atomic(1, COUNTER)
    order.atomic(1, COUNTER + 4)
    order.atomic(2, COUNTER + 4)
    assert not shadow.read(at(0), doer(2), order).any()


def test_a_lane_reads_what_another_lane_wrote_only_after_a_barrier() -> None:
    shadow, order = Shadow(64), Order()
    shadow.write(at(0, 1), doer(0, 2, line=41), order)
    assert shadow.read(at(1, 0), doer(0, 2), order).tolist() == [41, 41]
    order.barrier(0)
    assert not shadow.read(at(1, 0), doer(0, 2), order).any()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=30))
def test_it_agrees_with_a_list_of_everything(accesses: list[tuple[int, int, bool]]) -> None:
    """Programs run one after the other; without atomics an access races exactly if another one wrote that element last,
    or read it where this one writes."""
    shadow, order = Shadow(24), Order()
    done: list[tuple[int, int, bool]] = []
    for program, element, writes in sorted(accesses, key=lambda access: access[0]):
        access = shadow.write if writes else shadow.read
        found = bool(access(at(element), doer(program), order).any())
        last_write = next((p for p, e, w in reversed(done) if e == element and w), program)
        readers = {p for p, e, w in done if e == element and not w} if writes else set()
        assert found == (last_write != program or bool(readers - {program}))
        done.append((program, element, writes))


@pytest.mark.parametrize("places", [1, 64])
def test_many_places_of_one_atomic_hand_nothing_on(places: int) -> None:
    shadow, order = Shadow(64), Order()
    shadow.write(at(0), doer(0), order)
    for program in (0, 1):
        order.atomic(program, np.arange(places + 64 * (places > 1)) * 4)
    assert shadow.read(at(0), doer(1), order).any() == (places > 1)
