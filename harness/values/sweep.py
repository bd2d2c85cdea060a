"""A sweep's record of each configuration, and the result of the choice among them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.values.binary import Binary
from harness.values.case import Case, Tunables
from harness.values.closure import Closure
from harness.values.environment import Environment
from harness.values.estimate import Ratio
from harness.values.measurement import Measurement, Status

LEFT_OUT = "left out"
"""Stage of a configuration that a guided search or a budget did not reach."""


class Entrant(msgspec.Struct, frozen=True):
    """A configuration that is to be timed.

    copy: Above 0, the configuration is prepared once more under this number, to see how much the same work differs from
        itself.
    """

    case: Case
    copy: int = 0

    @property
    def name(self) -> str:
        return f"{self.case.id}#{self.copy}" if self.copy else self.case.id


class Configuration(msgspec.Struct, frozen=True):
    """One configuration of a question as it is stored.

    key: Hash of everything that decides its time: source, question, tunables, machine, toolchain.
    measurement: Status, reason, samples of the latest pass.
    identity: Identity of its launches. None if nothing was compiled ahead.
    same_as: Id of the case that was timed in its place, because its launches are the same.
    binary: The binary of its main kernel.
    stage: The last stage that it reached: `static` (never timed), `first`, `half`, `final`. `left out`: not tried.
    closure: The files that it was seen to depend on, relative to the suite's repository. None if it was never run to
        its end.
    """

    key: str
    measurement: Measurement
    identity: str | None = None
    same_as: str | None = None
    binary: Binary | None = None
    stage: str = "first"
    closure: Closure | None = None

    @property
    def case(self) -> Case:
        return self.measurement.case

    @property
    def tunables(self) -> Tunables:
        return self.case.tunables

    @property
    def left_out(self) -> bool:
        """Not tried, for the stated reason. It is in no store."""
        return self.stage == LEFT_OUT

    @property
    def pruned(self) -> bool:
        """Ended before the GPU by a stated rule: it does not fit, was over the time limit, or cannot win."""
        return self.stage == "static" and self.measurement.status is not Status.OK


class Twin(msgspec.Struct, frozen=True):
    """Two measurements of the same work in the final rounds.

    log_ratio: ln of their medians' ratio, which is 0 apart from noise.
    """

    case: str
    log_ratio: float


class Confirmed(msgspec.Struct, frozen=True):
    """A finalist or the baseline, timed after the choice in fresh processes.

    against_baseline: Its time over the baseline's. None for the baseline.
    p: One-sided p value of being no faster than the margin. None if it was not tested.
    """

    measurement: Measurement
    against_baseline: Ratio | None = None
    p: float | None = None

    @property
    def tunables(self) -> Tunables:
        return self.measurement.case.tunables


class Finals(msgspec.Struct, frozen=True):
    """The result of a sweep's final rounds.

    twins: Pairs of the same work.
    confirmed: The finalists, fastest first.
    baseline: Timed beside them. None if it failed.
    winner: Case id of the fastest that beats the baseline by more than the margin. None if none was shown to.
    """

    twins: tuple[Twin, ...]
    confirmed: tuple[Confirmed, ...]
    baseline: Confirmed | None
    winner: str | None
    processes: int


class SweptVariant(msgspec.Struct, frozen=True):
    """All configurations of one variant at one shape, fastest first, with the result of the finals.

    finals: None if the sweep did not get so far.
    rms: Over the twins' log ratios.
    trusted: Whether rms is small enough. None without twins.
    search: The order of the search through the configurations, in words.
    """

    op: str
    site: str
    variant: str
    dtype: str
    dims: dict[str, int]
    configurations: tuple[Configuration, ...]
    finals: Finals | None = None
    rms: float | None = None
    trusted: bool | None = None
    search: str = ""

    @property
    def distinct(self) -> int:
        """Number of configurations that are timed for themselves: all but those that are the same work as another."""
        return sum(c.same_as is None and not c.pruned and not c.left_out for c in self.configurations)

    @property
    def left_out(self) -> int:
        """Number of configurations that were not tried."""
        return sum(c.left_out for c in self.configurations)

    @property
    def timed(self) -> int:
        return sum(bool(c.measurement.samples) and c.same_as is None for c in self.configurations)


def places(questions: Sequence[SweptVariant], between: str = " ") -> list[str]:
    """The op, site and variant of each question, with the sizes in which it differs from others of that place."""
    found = []
    for question in questions:
        place = question.op, question.site, question.variant
        alike = [other for other in questions if (other.op, other.site, other.variant) == place]
        differ = [name for name in sorted(question.dims) if len({other.dims.get(name) for other in alike}) > 1]
        sizes = ", ".join(f"{name} {question.dims[name]}" for name in differ)
        found.append(between.join(filter(None, (f"{question.op}@{question.site}", question.variant, sizes))))
    return found


class SweepResult(msgspec.Struct, frozen=True):
    """The result of one sweep.

    written: The tuned files.
    reused: Configurations whose times were in the store already.
    gpu_busy_s: An upper bound: device timelines from the first to the last work of each step, including gaps.
    warnings: Facts that a reader must know before using the numbers.
    stages_s: Seconds by kind of work, in order.
    unwritten: The tuned files that could not be written, with the reason.
    withheld: Results that were not written because their times disagree, each in words.
    """

    run_id: str
    suite: str
    environment: Environment
    questions: tuple[SweptVariant, ...]
    written: tuple[str, ...]
    wall_s: float
    gpu_busy_s: float
    compile_s: float
    reused: int
    warnings: tuple[str, ...] = ()
    stages_s: dict[str, float] = {}
    unwritten: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        return tuple(c for question in self.questions for c in question.configurations)


class Shipped(msgspec.Struct, frozen=True):
    """The configurations that a kernel ships with.

    chosen: Their tunables.
    worst_loss: The loss of the best of them against the best of all, at the worst question.
    fastest_loss: The same for the N that are fastest at the first question.
    questions: Device and sizes of each.
    """

    chosen: tuple[Tunables, ...]
    worst_loss: float
    fastest_loss: float
    questions: tuple[str, ...]
