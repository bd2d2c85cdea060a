"""Writes the choice of a sweep into the tuned file of its device: the five fastest configurations and the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness import kernels_root
from harness.stats import estimate
from harness.suite.catalogue import kernels_of
from harness.sweep.questions import SweepQuestion
from harness.values.environment import Environment
from harness.values.suite import Suite
from harness.values.sweep import Confirmed, SweptVariant, places


class Registered(NamedTuple):
    """The result of registering."""

    written: tuple[str, ...]
    """Files."""
    unwritten: tuple[str, ...]
    """Files that could not be written, with the reason; their choice is in the store."""
    withheld: tuple[str, ...]
    """Questions whose times disagree, in words."""


def register(
    suite: Suite, asked: Sequence[SweepQuestion], found: Sequence[SweptVariant], environment: Environment,
    untrusted: bool = False,
) -> Registered:  # fmt: skip
    """Write an entry for each question that has a choice. untrusted: write it even where the same work took different
    times. A run with `tuned` would use such an entry without a warning."""
    written: dict[str, None] = {}
    unwritten: dict[str, None] = {}
    withheld = []
    for place, question, question_asked in zip(places(found), found, asked, strict=True):
        chosen = choice(question)
        if chosen is None or question.finals is None:
            continue
        if question.trusted is False and not untrusted:
            withheld.append(f"{place} cannot be trusted")
            continue
        entry = _described(chosen)
        tuned = kernels_root.module("tuned", Path(suite.kernels_root))
        try:
            path = tuned.write(
                op=question.op, variant=question.variant, device=environment.slug, dims=question.dims,
                source_hash=question_asked.sources[question.variant], triton=environment.triton,
                tunables=entry["tunables"], us=entry["us"], suite_folder=suite.folder,
                ranked=[_described(c) for c in question.finals.confirmed if c.measurement.samples],
                baseline=_described(question.finals.baseline) if question.finals.baseline else None,
                trusted=question.trusted, **kernels_of(suite).tuned_beside(question.op),
            )  # fmt: skip
            written[str(path)] = None
        except (OSError, ValueError) as error:  # a folder that may not be written; a file there that is no tuned file
            path = tuned.path_for(
                question.op,
                question.variant,
                environment.slug,
                suite.folder,
                **kernels_of(suite).tuned_beside(question.op),
            )
            unwritten[f"{path}: {getattr(error, 'strerror', None) or error}"] = None
    return Registered(tuple(written), tuple(unwritten), tuple(dict.fromkeys(withheld)))


def choice(question: SweptVariant) -> Confirmed | None:
    """The meaning of `tuned`: the winner; without one the baseline, if it is of this variant; else the fastest."""
    finals = question.finals
    if finals is None:
        return None
    for confirmed in finals.confirmed:
        if confirmed.measurement.case.id == finals.winner:
            return confirmed
    base = finals.baseline
    if base is not None and base.measurement.case.variant == question.variant:
        return base
    return next((confirmed for confirmed in finals.confirmed if confirmed.measurement.samples), None)


def _described(confirmed: Confirmed) -> dict[str, Any]:
    """tunables, us with its interval, and the ratio to the baseline (time over time)."""
    found = estimate(confirmed.measurement.samples)
    assert found is not None
    case, against = confirmed.measurement.case, confirmed.against_baseline
    described: dict[str, Any] = {
        "variant": case.variant, "tunables": dict(case.tunables), "us": found.value, "low": found.low,
        "high": found.high, "processes": found.n,
    }  # fmt: skip
    if against is not None:
        described |= {"ratio": against.value, "ratio_low": against.low, "ratio_high": against.high, "p": confirmed.p}
    return described
