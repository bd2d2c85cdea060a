"""What became of a tuned file's configurations under the Triton that is here, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from harness.values.old_choices import Checked

from ..tables.sweep import named


def render(found: Checked) -> Iterator[str]:
    """Of each question the choice first; then what to do about it."""
    for (place, tuned_with), choices in groupby(
        found.choices, key=lambda c: (f"{c.op}@{c.site} {c.variant}", c.tuned_with)
    ):
        yield f"{place}: tuned with Triton {tuned_with}, here {found.here}, {found.target}"
        for choice in choices:
            yield f"  {'*' if choice.chosen else ' '} {named(choice.tunables)}: {choice.words}"
    yield from found.unknown
    if any(choice.verdict.name != "SAME" for choice in found.choices):
        yield "whether the choice still wins, a GPU says: harness sweep SUITE --recheck"
    else:
        yield "the same instructions: what was measured then holds; harness sweep SUITE --recheck makes it `tuned` here"
