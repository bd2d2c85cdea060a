"""One attempt at a kernel: question, result and evidence of `harness try`, with the source text that it tried."""

from __future__ import annotations

import msgspec

from harness.values.compiled import Compiled
from harness.values.environment import Environment
from harness.values.measurement import Measurement


class Diagnosis(msgspec.Struct, frozen=True):
    """How an output is wrong.

    pattern: A word of `harness.measure.hypotheses`, or `shape`, `unwritten`, `zero`, `input changed`, `write outside`,
        `read outside`. Empty if none fits.
    words: A description of the pattern.
    region: The wrong elements, in the names of the op's dims.
    """

    pattern: str = ""
    words: str = ""
    region: str = ""


class Prediction(msgspec.Struct, frozen=True):
    """The end-to-end effect of an attempt, computed and not measured.

    delta_us: Change per token. Negative is faster.
    step_us: Step time of the stored decode that the prediction starts from. None without one.
    run: The run of that decode.
    """

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
    """One kernel file that was tried.

    number: Its number in the store. 0 before it is kept.
    started: ISO 8601, UTC.
    file: The file that was tried.
    source: The text of that file.
    model: The model whose shape was used.
    against: The measurement that it was compared with, in the same rounds.
    against_label: The name and tunables of that comparison partner.
    compiled: Launches and binaries.
    remarks: Every way in which checking or timing differed from the usual.
    evidence: The folder with inputs, output, reference and `repro.py` of a wrong output.
    wall_s: Time from the request to the answer.
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
    """The arm, variant or revision alone, without its tunables."""
    diagnosis: Diagnosis | None = None
    compiled: Compiled | None = None
    predicted: Prediction | None = None
    remarks: tuple[str, ...] = ()
    evidence: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    wall_s: float = 0.0
