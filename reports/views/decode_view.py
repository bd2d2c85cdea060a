"""The whole model: decode steps and prefill passes, and whether the kernels explain the decode's gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.compare.join import join
from harness.compare.reconcile import Reconciled, reconcile
from harness.compare.sides import StoredSide
from harness.engines import EAGER, same_kernels
from harness.values.estimate import Estimate, Ratio
from harness.values.measurement import Measurement, Status

from ..figures import axes_words, clean
from .joined import Joined, MeasuredCase, by_question, rate, shared_arms, step_shape


@dataclass(frozen=True)
class ModelRow:
    """One arm's decode or prefill."""

    arms: tuple[str, ...]
    time: Estimate
    """us per step (decode: one token of every sequence) or per pass (prefill)."""
    tok_s: Estimate
    """Tokens per second, all sequences together."""
    bound_share: float | None
    """Share of the rate that reading every byte once would allow."""
    ratio: Ratio | None
    """Against the run's first arm."""
    launches: int | None
    """Kernels per step, from the profile."""
    measurement: Measurement
    stream_note: str
    source: MeasuredCase


@dataclass(frozen=True)
class ModelGroup:
    """kind: `decode` or `prefill`. bound_tok_s: the rate at the measured read bandwidth."""

    kind: str
    engine: str
    batch: int
    context: int
    axes: str
    bound_tok_s: float | None
    rows: tuple[ModelRow, ...]

    @property
    def title(self) -> str:
        return f"{self.axes}, {self.engine}"


def model_groups(joined: Joined, kind: str) -> tuple[ModelGroup, ...]:
    """Groups of one kind. A prefill is called on every sequence, so its tokens are batch x context."""
    groups = []
    for entries in by_question(joined.kind(kind)):
        ok = [e for e in entries if e.samples and e.measurement and e.measurement.status is Status.OK]
        if ok:
            groups.append(_group(joined, kind, entries[0], ok))
    return tuple(groups)


def _group(joined: Joined, kind: str, asked: MeasuredCase, ok: Sequence[MeasuredCase]) -> ModelGroup:
    axes = asked.case.axes
    batch, context = int(axes.get("batch", 1)), int(axes.get("context", 0))
    tokens = batch if kind == "decode" else batch * context
    bound_us = joined.bound_us(ok[0])
    return ModelGroup(
        kind=kind,
        engine=clean(asked.case.engine or ""),
        batch=batch,
        context=context,
        axes=axes_words(axes, kind),
        bound_tok_s=tokens * 1e6 / bound_us if bound_us else None,
        rows=tuple(_row(joined, entry, ok, arms, tokens) for entry, arms in shared_arms(ok)),
    )


def _row(
    joined: Joined, entry: MeasuredCase, group: Sequence[MeasuredCase], arms: tuple[str, ...], tokens: int
) -> ModelRow:
    measurement, time = entry.measurement, joined.estimate(entry)
    assert measurement is not None and time is not None
    bound_us = joined.bound_us(entry)
    diverges = measurement.correctness.diverges if measurement.correctness else None
    return ModelRow(
        arms=arms,
        time=time,
        tok_s=rate(time, tokens),
        bound_share=bound_us / time.value if bound_us else None,
        ratio=joined.against_first(group, entry),
        launches=_launches(joined, entry),
        measurement=measurement,
        stream_note=diverges.words if diverges else "",
        source=entry,
    )


def _launches(joined: Joined, entry: MeasuredCase) -> int | None:
    case, measurement = entry.case, entry.measurement
    if measurement and measurement.launches is not None:
        return measurement.launches
    for profile in joined.run.profiles:
        shape = step_shape(profile.axes) == step_shape(case.axes)
        same = profile.arm == case.arm and same_kernels(profile.engine, case.engine or EAGER)
        if case.kind == "decode" and shape and same and profile.steps:
            return round(profile.kernel_count / profile.steps) or None
    return None


@dataclass(frozen=True)
class Part:
    """The saving of one kernel per step: us per call x calls, negative for a slower kernel. `name`: the op with its
    site, with an arrow if other ops take its place in the head."""

    name: str
    saving_us: float
    calls: int


@dataclass(frozen=True)
class Explained:
    """Whether the kernels' savings add up to the decode's. The half widths belong to 95 % intervals, in us per step."""

    title: str
    base: str
    head: str
    parts: tuple[Part, ...]
    predicted_us: float
    predicted_half_us: float
    measured_us: float
    measured_half_us: float

    @property
    def left_us(self) -> float:
        return self.measured_us - self.predicted_us


def explained(joined: Joined, decodes: Sequence[ModelGroup]) -> tuple[Explained, ...]:
    """One for each arm in each decode group, compared with the first arm as `compare` explains two sides. None if no
    kernel of that shape was timed for both."""
    found = []
    for group in decodes:
        base, question = group.rows[0], group.rows[0].source.case.question
        for row in (row for row in group.rows if row.ratio):
            sides = [StoredSide(joined.run, one.source.case.arm) for one in (base, row)]
            same = (one for one in reconcile(sides[0], sides[1], join(*sides), {}) if one.case == question)
            names = ", ".join(base.arms), ", ".join(row.arms)
            found += [reconciled_as(*names, group.title, one) for one in same]
    return tuple(found)


def reconciled_as(base: str, head: str, title: str, found: Reconciled) -> Explained:
    """Savings of a decode: head's times minus base's, with the sign reversed."""
    return Explained(
        title=title,
        base=base,
        head=head,
        parts=tuple(Part(clean(part.name), -part.each.us, part.calls) for part in found.parts),
        predicted_us=-found.predicted_us,
        predicted_half_us=found.predicted_half_us,
        measured_us=-found.measured.us,
        measured_half_us=found.measured.half_us,
    )
