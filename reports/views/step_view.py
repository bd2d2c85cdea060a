"""The parts of a decode step: kernels, gaps between them, and the rest, each as a share of the timed step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.engines import engine_facts, same_kernels
from harness.values.profile import Profile

from ..figures import axes_words, clean, count, number, plural
from .decode_view import ModelGroup, ModelRow
from .joined import step_shape

OVERLAP_SHARE = 0.005
"""Share of the kernels' sum below which overlap is not reported: clocks of two streams differ by as much."""


@dataclass(frozen=True)
class StepParts:
    """One arm's step, in us."""

    arm: str
    engine: str
    axes: str
    kernels: float
    copies: float
    """Copies and memsets; launches of the decode table do not count them."""
    sum_us: float
    """Kernels, copies and memsets, each counted by itself."""
    covered_us: float
    """Time in which at least one of them runs."""
    gaps_us: float
    """The rest of a profiled step."""
    timed_us: float
    """The step without a profiler, by the same engine."""

    @property
    def left_us(self) -> float:
        """The rest of the timed step after kernels and gaps; negative if steps took longer under the profiler."""
        return self.timed_us - self.covered_us - self.gaps_us

    @property
    def profiled_us(self) -> float:
        """The step under the profiler."""
        return self.covered_us + self.gaps_us

    @property
    def overlap_us(self) -> float:
        """Time that kernels share; 0 if it is negligible."""
        shared_us = self.sum_us - self.covered_us
        return shared_us if shared_us > OVERLAP_SHARE * self.sum_us else 0.0

    @property
    def share(self) -> float:
        """The share of the timed step that kernels explain."""
        return self.covered_us / self.timed_us


def steps(profiles: Sequence[Profile], decodes: Sequence[ModelGroup]) -> tuple[StepParts, ...]:
    """One for each profile of an engine that was timed too. In steps that are launched one by one, gaps belong to the
    host, and say nothing about a graph."""
    found = []
    for profile in profiles:
        engine, row = timed_like(decodes, profile)
        if row is None or engine != profile.engine or profile.device == "cpu" or not profile.steps:
            continue
        us = 1e-3 / profile.steps
        found.append(
            StepParts(
                arm=clean(profile.arm),
                engine=clean(engine),
                axes=axes_words(profile.axes, "decode"),
                kernels=profile.kernel_count / profile.steps,
                copies=(sum(row.calls for row in profile.categories) - profile.kernel_count) / profile.steps,
                sum_us=profile.gpu_sum_ns * us,
                covered_us=profile.gpu_busy_ns * us,
                gaps_us=profile.idle_ns * us,
                timed_us=row.time.value,
            )
        )
    return tuple(found)


def timed_like(decodes: Sequence[ModelGroup], profile: Profile) -> tuple[str, ModelRow | None]:
    """The timed decode at the profile's shape with its arm, and its engine.

    The profile's own engine is preferred, then a captured one. An engine with other kernels than the profile's never
    fits.
    """
    fits = [group for group in decodes if (group.batch, group.context) == step_shape(profile.axes)]
    fits = [group for group in fits if same_kernels(group.engine, profile.engine)]
    for group in sorted(fits, key=lambda group: not engine_facts(group.engine).replays_ops):
        for row in group.rows:
            if clean(profile.arm) in row.arms:
                return group.engine, row
    return "", None


def overlaps(profile: Profile) -> bool:
    """Whether its kernels run at the same time, so that their sum exceeds the time that they cover."""
    return profile.gpu_sum_ns - profile.gpu_busy_ns > OVERLAP_SHARE * profile.gpu_sum_ns


def step_words(parts: StepParts) -> str:
    """`417 kernels and 12 copies cover 1,512 us (added up: 1,712 us; they overlap), 98.2 % of the timed step ...`."""
    summed = f" (added up: {number(parts.sum_us, 4)} us; they overlap)" if parts.overlap_us else ""
    copies = f" and {plural(round(parts.copies), 'copy', 'copies')}" if round(parts.copies) else ""
    share = f"{100 * parts.share:.1f} %"
    return (
        f"{count(parts.kernels)} kernels{copies} cover {number(parts.covered_us, 4)} us{summed}, {share} of the "
        f"timed step of {number(parts.timed_us, 4)} us; gaps between them {number(parts.gaps_us)} us, together the "
        f"profiled step of {number(parts.profiled_us, 4)} us; {number(parts.left_us)} us left"
    )
