"""Did the quality of a decode change, whatever its speed? Compares two sides that were fed the same tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from harness.compare.join import Joined
from harness.stats.token_blocks import difference, mean_of, toward
from harness.values.measurement import Measurement
from harness.values.quality import QualityChange, QualityVerdict
from harness.values.verdict import CaseVerdict


def compare_quality(base: Measurement | None, head: Measurement | None) -> QualityChange | None:
    """Return the change; None where a side has no quality, or was fed other tokens.

    Sides with indistinguishable distances from the float32 model may still differ; the outputs show that.
    """
    if base is None or head is None or base is head or base.quality is None or head.quality is None:
        return None
    fed = [m.numerics.outputs.operands for m in (base, head) if m.numerics and m.numerics.outputs]
    ours, theirs = base.quality, head.quality
    counts = {len(blocks) for side in (ours, theirs) for blocks in (side.blocks.kl, side.blocks.nll)}
    if len(set(fed)) != 1 or len(fed) != 2 or len(counts) != 1 or counts <= {0, 1}:
        return None
    if not all(map(math.isfinite, (*ours.blocks.kl, *theirs.blocks.kl, *ours.blocks.nll, *theirs.blocks.nll))):
        return None
    change = difference(theirs.blocks.kl, ours.blocks.kl)
    nll = difference(theirs.blocks.nll, ours.blocks.nll)
    return QualityChange(
        ours.tokens, len(change), ours.kl, theirs.kl, mean_of(change), mean_of(nll),
        toward(change) or QualityVerdict.AS_ITSELF,
    )  # fmt: skip


def with_quality(verdicts: Sequence[CaseVerdict], joined: Sequence[Joined]) -> list[CaseVerdict]:
    """The verdicts on times with the change of quality."""
    found = {q.name: compare_quality(q.base.measurement, q.head.measurement) for q in joined if q.base and q.head}
    return [replace(v, quality=found.get(v.case)) if v.is_time else v for v in verdicts]


def quality_notes(verdicts: Sequence[CaseVerdict]) -> list[str]:
    """A line for each decode that has it."""
    return [f"{v.case}: {v.quality.words}" for v in verdicts if v.quality is not None]
