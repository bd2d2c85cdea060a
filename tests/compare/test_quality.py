"""Two sides' decodes over the same tokens: the change of their distance from the float32 model, or no word."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from harness.compare import StoredSide, compare
from harness.compare.quality import compare_quality
from harness.stats.token_blocks import mean_of
from harness.values.measurement import Measurement
from harness.values.numerics import Numerics, OutputRecord
from harness.values.quality import DecodeQuality, QualityChange, QualityVerdict, TokenBlocks
from tests.compare.stored_runs import decode, measured, stored

BASE = [0.002 + 1e-4 * (place % 3) for place in range(16)]


def side(kl: Sequence[float], fed: str = "tokens") -> Measurement:
    zero, kept = mean_of([0.0, 0.0]), tuple(kl)
    found = DecodeQuality(
        4 * len(kl),
        0.95,
        mean_of(kl) if len(kl) > 1 else zero,
        zero,
        zero,
        zero,
        zero,
        TokenBlocks(kept, kept, tuple(0.0 for _ in kl)),
    )
    numerics = Numerics(outputs=OutputRecord(fed))
    times = [10.0 + 0.01 * process for process in range(8)]
    return msgspec.structs.replace(measured(decode(), times), quality=found, numerics=numerics)


def change(base: Sequence[float], head: Sequence[float]) -> QualityChange:
    found = compare_quality(side(base), side(head))
    assert found is not None
    return found


def test_a_thousandth_more_is_farther_and_a_thousandth_less_closer() -> None:
    """With its interval, of the blocks' differences: what both sides share is in neither."""
    more = [value + 0.001 + 1e-4 * (place % 2) for place, value in enumerate(BASE)]
    found = change(BASE, more)
    assert found.verdict is QualityVerdict.FARTHER and (found.tokens, found.blocks) == (64, 16)
    assert found.kl_change.value == pytest.approx(1.05e-3) and found.kl_change.low > 1e-3
    assert found.words.startswith("KL from the float32 model 2.1e-03 -> 3.1e-03 nats a token, change 1.0e-03 [")
    assert found.words.endswith("(64 tokens in 16 blocks): farther from float32")
    assert change(more, BASE).verdict is QualityVerdict.CLOSER


def test_equal_sides_are_not_told_apart() -> None:
    found = change(BASE, BASE)
    assert found.kl_change.value == 0 and found.words.endswith("not told apart")


def test_other_tokens_or_another_number_of_them_are_not_compared() -> None:
    assert compare_quality(side(BASE), side(BASE, "others")) is None
    assert compare_quality(side(BASE), side(BASE[:8])) is None
    assert compare_quality(side(BASE[:2]), side([1e-3, 1e-3])) is not None
    assert compare_quality(side(BASE[:1]), side(BASE[:1])) is None
    assert compare_quality(msgspec.structs.replace(side(BASE), quality=None), side(BASE)) is None


def test_a_comparison_says_the_change_beside_the_verdict_on_the_time() -> None:
    runs = [stored(side([shift + value for value in BASE]), run_id=name) for name, shift in (("1", 0), ("2", 0.01))]
    found = compare(StoredSide(runs[0]), StoredSide(runs[1]))
    (verdict,) = (v for v in found.verdicts if v.metric == "decode_us")
    assert verdict.quality is not None and verdict.quality.verdict is QualityVerdict.FARTHER
    assert any(note == f"{verdict.case}: {verdict.quality.words}" for note in found.notes)
