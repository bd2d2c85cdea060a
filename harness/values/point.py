"""A run's record of a case, without its samples: a point of the case's series on one machine."""

from __future__ import annotations

import hashlib

import msgspec

from harness.values.case import Case, Implementation
from harness.values.closure import Closure
from harness.values.environment import REFUSED_WHEN_DIFFERENT, Environment
from harness.values.estimate import Estimate
from harness.values.run import SuiteFacts


class CaseCode(msgspec.Struct, frozen=True):
    """The code of a case as it was run.

    closure: Everything that the case was seen to read. None if nobody looked.
    asked: Hash of sizes, answers and weights. Empty if unknown.
    binary: Hash over the Triton kernels that the case was compiled to, from a run that profiled them. Else empty.
    """

    closure: Closure | None = None
    asked: str = ""
    answer: Implementation | None = None
    binary: str = ""
    same_as: str = ""
    """The id of the case that was measured in its place."""

    @property
    def fingerprint(self) -> str:
        """Equal for cases with the same question that provably ran the same code on the same data. Empty without that
        proof."""
        digest = self.closure.digest if self.closure else ""
        return hashlib.sha256(f"{self.asked} {digest}".encode()).hexdigest() if self.asked and digest else ""


class PointContext(msgspec.Struct, frozen=True):
    """The conditions that must be the same for two points to be compared.

    environment: Without the commit and the measured bandwidth, which belong to a run.
    """

    environment: Environment | None = None
    suite: SuiteFacts | None = None
    dims: dict[str, int] = {}

    @property
    def key(self) -> str:
        """A hash of every condition that forbids a comparison."""
        fields = [getattr(self.environment, name) for name in REFUSED_WHEN_DIFFERENT] if self.environment else []
        said = msgspec.json.encode([fields, self.suite, sorted(self.dims.items())], order="sorted")
        return hashlib.sha256(said).hexdigest()[:12]


class CasePoint(msgspec.Struct, frozen=True):
    """A case in one run.

    run: Its id in the store.
    started: ISO 8601, UTC.
    commit: With `+` if the working tree differed.
    position: Position of the commit on its line of first parents. The root's is 1. None if unknown.
    status: A value of `Status`, or of `Unmeasured`.
    time: None if the status is not OK.
    tree: The tree that a comparison measured. Empty for other runs.
    """

    run: str
    started: str
    commit: str
    position: int | None
    status: str
    reason: str
    time: Estimate | None
    tree: str
    code: CaseCode
    context: PointContext


class CaseSeries(msgspec.Struct, frozen=True):
    """The key of a series of points: one question with its answer, in one suite, on one machine.

    case: As it was first measured there.
    machine: As `Environment.machine` shows it.
    identity: The key by which `harness machines` finds it: the UUID of a GPU, or a CPU with its host. Empty if unknown.
    """

    suite: str
    case: Case
    machine: str = ""
    identity: str = ""

    @property
    def place(self) -> str:
        """The machine in words that tell it from others. Cards have their UUID; processors of one model, their host."""
        return self.identity if self.identity.startswith(f"{self.machine} at ") else self.machine


def is_of(named: str, place: str) -> bool:
    """Whether a machine is the one at a place. Without a host (an older event, a run that did not look at its machine)
    the name of the processor decides."""
    return named == place or place.startswith(f"{named} at ")
