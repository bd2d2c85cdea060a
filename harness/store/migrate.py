"""Values that an older program stored, converted to the current form as they are read."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.values.attempt import Attempt
from harness.values.measurement import Measurement, StreamDivergence
from harness.values.run import Run, Setting, SuiteFacts
from harness.values.suite import ComparePolicy, Weights


class _Sections(msgspec.Struct):
    """The sections of a suite file that a run needs later, with the defaults from the time when runs kept no facts.

    The sites that stay dense by default depend on the model, so `weights` has them only where the file names them.
    """

    model: str
    dtype: str = "bfloat16"
    weights: dict[str, Setting] = {}
    routing: str = "uniform"
    compare: ComparePolicy = ComparePolicy()


DIVERGES = re.compile(
    r"own greedy stream leaves the recorded one at token (\d+)(?:, where its top two logits are (\S+) apart)?"
)


def upgraded(run: Run) -> Run:
    """A stored run with every fact that the current program adds."""
    measurements = tuple(map(with_divergence, run.measurements))
    return with_suite_facts(msgspec.structs.replace(run, measurements=measurements))


def with_divergence(measurement: Measurement) -> Measurement:
    """A decode from before its diverging stream was a value: it is read from the words of its detail."""
    result = measurement.correctness
    said = DIVERGES.search(result.detail) if result is not None and result.diverges is None else None
    if result is None or said is None:
        return measurement
    diverges = StreamDivergence(int(said[1]), float(said[2]) if said[2] else None)
    return msgspec.structs.replace(measurement, correctness=msgspec.structs.replace(result, diverges=diverges))


def with_suite_facts(run: Run) -> Run:
    """A run from before runs kept the facts of their suite: they are read once from its stored text. Without a text, or
    with an invalid one, they stay unknown."""
    text = run.sources.get(run.suite_hash)
    if run.suite_facts is not None or text is None:
        return run
    from harness.suite.nodes import parse

    try:
        said = msgspec.convert(parse(text, Path(run.suite)).plain, _Sections)
    except (HarnessError, msgspec.ValidationError):
        return run
    default = Weights()
    weights: dict[str, Setting] = {
        "dtype": default.dtype, "group": default.group, "from": default.source, "seed": default.seed,
    }  # fmt: skip
    facts = SuiteFacts(said.model, said.dtype, {**weights, **said.weights}, said.routing, said.compare)
    return msgspec.structs.replace(run, suite_facts=facts)


def with_against_name(attempt: Attempt) -> Attempt:
    """An attempt from before its opponent's name was kept beside the label `autotuned (triton_vecmat 8,256)`."""
    if attempt.against_name or not attempt.against_label:
        return attempt
    return msgspec.structs.replace(attempt, against_name=attempt.against_label.partition(" (")[0])
