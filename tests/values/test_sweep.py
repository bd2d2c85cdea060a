"""The names of a sweep's questions."""

from __future__ import annotations

from harness.values.sweep import SweptVariant, places


def asked(variant: str, **dims: int) -> SweptVariant:
    return SweptVariant("soft", "shape", variant, "bfloat16", dims, ())


def test_questions_of_one_place_are_told_apart_by_the_sizes_that_differ() -> None:
    """Sizes that they share are left out, and so are all of a question that is alone in its place."""
    questions = [asked("run", rows=64, n=1000), asked("run", rows=64, n=4096), asked("other", rows=64, n=1000)]
    assert places(questions) == ["soft@shape run n 1000", "soft@shape run n 4096", "soft@shape other"]
    assert places(questions, " · ")[0] == "soft@shape · run · n 1000"
