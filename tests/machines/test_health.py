"""A machine beside its own usual: what is slow today is called slow, what is noise is not."""

from __future__ import annotations

import msgspec
import pytest

from harness.machines.health import LEAST_KNOWN, every_machine, health
from harness.values.machine import MachineState as State

from .made import days, look


def test_a_machine_that_is_slow_from_a_date_on_is_named_with_it() -> None:
    """20 % slower from the eleventh day: at once, and as long as it lasts; its usual stays what it was."""
    for since in (1, 2, 60):
        found = health(days([0.0] * 10 + [0.2] * since, 0.01))
        assert found.state is State.UNUSABLE and found.since.startswith("2026-01-11")
        assert {probe.name for probe in found.slow} == {"memory", "matmul"}
        assert all(probe.slower == pytest.approx(0.2, abs=0.06) for probe in found.slow)


def test_one_slow_day_is_over_when_the_next_is_usual() -> None:
    found = health(days([0.0] * 10 + [0.2, 0.0], 0.005))
    assert (found.state, found.since, found.words) == (State.USUAL, "", "")


def test_a_little_slower_is_said_and_refuses_nothing() -> None:
    found = health(days([0.0] * 10 + [0.07], 0.001))
    assert found.state is State.SLOW


def test_noise_is_not_called_slow() -> None:
    """At the spread of five H100s (1 %): of 500 looks not one."""
    flagged = sum(bool(health(days([0.0] * 41, 0.01, seed)[: 6 + seed % 35]).slow) for seed in range(500))
    assert flagged == 0


def test_a_noisy_machine_needs_more_to_be_slow() -> None:
    """A shared virtual machine of 10 % spread: 20 % is a usual day there, threefold is not."""
    assert health(days([0.0] * 20 + [0.2], 0.1)).state is State.USUAL
    assert health(days([0.0] * 20 + [2.0], 0.1)).state is State.UNUSABLE


def test_other_settings_begin_anew() -> None:
    """Another driver is another usual; until it is known nothing is said."""
    new = [msgspec.structs.replace(look(20 + n, 0.2), settings=("580.00", "700.0")) for n in range(LEAST_KNOWN + 1)]
    assert health([*days([0.0] * 10), *new[:-1]]).state is State.UNKNOWN
    assert health([*days([0.0] * 10), *new]).state is State.USUAL


def test_launches_alone_never_make_a_run_unusable() -> None:
    found = health([*days([0.0] * 10), look(11, launch_us=4.0)])
    assert found.state is State.SLOW and [probe.name for probe in found.slow] == ["launch"]


def test_machines_are_apart_and_the_last_seen_comes_first() -> None:
    other = [msgspec.structs.replace(found, machine="GPU-2") for found in days([0.5] * 8)[6:]]
    assert [found.machine for found in every_machine([*days([0.0] * 7), *other])] == ["GPU-2", "GPU-1"]
