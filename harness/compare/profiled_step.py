"""Finds the modules in which a decode that calls no op by name became faster, from two profiles of its step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harness.compare.sides import StoredSide
from harness.engines import EAGER, engine_facts, same_kernels
from harness.trace.difference import difference
from harness.values.case import Case, same_shape
from harness.values.profile import Profile

OVERLAP, GAPS = "time of two kernels at once", "gaps between kernels"
PROFILER = "the profiler's own time per kernel"


class Place(NamedTuple):
    """A module, or the time between kernels. us: extra time of one step in the head's profile of `steps` steps;
    negative: shorter."""

    name: str
    us: float
    steps: int


def changed_places(base: StoredSide, head: StoredSide, decodes: tuple[Case, Case], base_us: float) -> tuple[Place, ...]:
    """The places by which two profiled steps on a GPU differ; for a captured step they add up to the difference of the
    whole step. Empty where a side has no such profile: on a CPU the profiler itself takes most of the time. base_us:
    base's timed step."""
    one, other = (_profile(side, case) for side, case in zip((base, head), decodes, strict=True))
    if one is None or other is None or not one.steps or not other.steps or "cpu" in (one.device, other.device):
        return ()
    found = _modules(one, other)
    found[OVERLAP] = _us(one.gpu_sum_ns - one.gpu_busy_ns, one) - _us(other.gpu_sum_ns - other.gpu_busy_ns, other)
    if all(engine_facts(p.engine).captures and p.engine == decodes[0].engine for p in (one, other)):
        found[GAPS] = _us(other.idle_ns, other) - _us(one.idle_ns, one)
        found[PROFILER] = (_kernels(one) - _kernels(other)) * _profiler_us(one, base_us)
    return tuple(Place(name or "no module", us, other.steps) for name, us in found.items() if us)


def _modules(one: Profile, other: Profile) -> dict[str, float]:
    """By scope where both sides know any, else by category."""
    change = difference(one, other)
    rows = change.scopes or change.categories
    return {row.name: _us(row.head_ns, other) - _us(row.base_ns, one) for row in rows}


def _profiler_us(profile: Profile, timed_us: float) -> float:
    """The time that the profiler adds to each kernel of a replay: 0.148 and 0.150 us on an H100 and an H200. It lies in
    the gaps, and the profile of an arm with fewer kernels has less of it."""
    longer_us = _us(profile.gpu_busy_ns + profile.idle_ns, profile) - timed_us
    return max(0.0, longer_us / _kernels(profile)) if _kernels(profile) else 0.0


def _kernels(profile: Profile) -> float:
    """Kernels, copies and memsets of one step."""
    return sum(row.calls for row in profile.categories) / profile.steps


def _us(ns: int, profile: Profile) -> float:
    return ns / 1e3 / profile.steps


def _profile(side: StoredSide, decode: Case) -> Profile | None:
    """The newest profile of the decode's arm and shape, with its own engine, else with one that runs the same
    kernels."""
    fits: Mapping[str, Profile] = {
        profile.engine: profile
        for profile in side.run.profiles
        if profile.arm == decode.arm and same_shape(decode.axes, profile.axes)
    }
    engine = decode.engine or EAGER
    return fits.get(engine) or next((p for name, p in fits.items() if same_kernels(name, engine)), None)
