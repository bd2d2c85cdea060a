"""The configurations of a tuned file under the installed Triton, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from harness.values.old_choices import Checked

from ..tables.sweep import named


def render(found: Checked) -> Iterator[str]:
    """List the configurations of each question, the choice first; then the next step."""
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
        yield "the same instructions: earlier times hold; harness sweep SUITE --recheck makes it `tuned` here"
