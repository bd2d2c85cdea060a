"""What a run says of a case, without its samples: a point of the case's series on one machine."""

from __future__ import annotations

import hashlib

import msgspec

from harness.values.case import Case, Implementation
from harness.values.closure import Closure
from harness.values.environment import REFUSED_WHEN_DIFFERENT, Environment
from harness.values.estimate import Estimate
from harness.values.run import SuiteFacts


class CaseCode(msgspec.Struct, frozen=True):
    """What was run. closure: all that the case was seen to read; None where nobody looked. asked: hash of sizes,
    answers and weights; empty where it is not known. binary: hash over the Triton kernels that the case was compiled
    to, of a run that profiled them; else empty."""

    closure: Closure | None = None
    asked: str = ""
    answer: Implementation | None = None
    binary: str = ""
    same_as: str = ""
    """The id of the case that was measured in its place."""

    @property
    def fingerprint(self) -> str:
        """Equal where a case was asked the same and proved to run the same code on the same data; empty where that is
        not proved."""
        digest = self.closure.digest if self.closure else ""
        return hashlib.sha256(f"{self.asked} {digest}".encode()).hexdigest() if self.asked and digest else ""


class PointContext(msgspec.Struct, frozen=True):
    """What must be the same for two points to be compared. environment: without the commit and the measured bandwidth,
    which are of a run."""

    environment: Environment | None = None
    suite: SuiteFacts | None = None
    dims: dict[str, int] = {}

    @property
    def key(self) -> str:
        """A hash of all of it that forbids a comparison."""
        fields = [getattr(self.environment, name) for name in REFUSED_WHEN_DIFFERENT] if self.environment else []
        said = msgspec.json.encode([fields, self.suite, sorted(self.dims.items())], order="sorted")
        return hashlib.sha256(said).hexdigest()[:12]


class CasePoint(msgspec.Struct, frozen=True):
    """A case in one run. run: its id in the store. started: ISO 8601, UTC. commit: with `+` where the working tree
    differed. position: of the commit on its line of first parents, the root's 1; None where nobody knew. status: of
    `Status`, or of `Unmeasured`; time: None where that is not OK. tree: what a comparison measured, empty for other
    runs."""

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
    """Whose points: one question with its answer, in one suite, on one machine. case: as it was first measured there.
    machine: as `Environment.machine` shows it. identity: by which `harness machines` finds it, the UUID of a GPU, a CPU
    with its host; empty where that is not known."""

    suite: str
    case: Case
    machine: str = ""
    identity: str = ""
