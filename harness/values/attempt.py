"""One attempt at a kernel: what `harness try` asked, saw and keeps, with the source text that it tried."""

from __future__ import annotations

import msgspec

from harness.values.compiled import Compiled
from harness.values.environment import Environment
from harness.values.measurement import Measurement


class Diagnosis(msgspec.Struct, frozen=True):
    """How an output is wrong. pattern: a word of `harness.measure.hypotheses`, or `shape`, `unwritten`, `zero`,
    `input changed`, `write outside`, `read outside`; empty where nothing fits. words: what it looks like. region:
    where, in the names of the op's dims."""

    pattern: str = ""
    words: str = ""
    region: str = ""


class Prediction(msgspec.Struct, frozen=True):
    """What an attempt would bring end to end, computed and not measured. delta_us: per token, negative is faster.
    step_us: of the stored decode that it starts from, None where there is none; run: of that decode."""

    calls: int
    delta_us: float
    step_us: float | None = None
    run: str = ""

    @property
    def tok_s(self) -> tuple[float, float] | None:
        """Tokens per second before and after."""
        if self.step_us is None or self.step_us + self.delta_us <= 0:
            return None
        return 1e6 / self.step_us, 1e6 / (self.step_us + self.delta_us)


class Attempt(msgspec.Struct, frozen=True):
    """number: in its store, 0 before it is kept. started: ISO 8601, UTC. file: that was tried; source: its text. model:
    whose shape it is. against: the measurement of what it was tried against, in the same rounds; against_label: its
    name and tunables. compiled: launches and binaries. remarks: how it was checked and timed where that is not the
    usual way. evidence: folder with inputs, output, reference and `repro.py` of a wrong output. wall_s: from the
    request to the answer.
    """

    started: str
    file: str
    source: str
    measurement: Measurement
    model: str = ""
    number: int = 0
    environment: Environment | None = None
    against: Measurement | None = None
    against_label: str = ""
    against_name: str = ""
    """Of the arm, variant or revision alone, without its tunables."""
    diagnosis: Diagnosis | None = None
    compiled: Compiled | None = None
    predicted: Prediction | None = None
    remarks: tuple[str, ...] = ()
    evidence: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    wall_s: float = 0.0
