"""`harness accept`: accept an intended change; later changes are compared with its level."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import Store
from harness.secrets import masked

if TYPE_CHECKING:
    from harness.store import Store as RunStore
    from harness.values.event import Acceptance, Note


def command(
    change: Annotated[
        str, typer.Argument(metavar="CASE@COMMIT", help="The changed case and the commit that changed it.")
    ],
    why: Annotated[str, typer.Option("--why", callback=masked, help="The reason, for later readers.")],
    at_most: Annotated[
        float, typer.Option(min=0, help="Accept at most this slowdown, in percent; 0: the one found plus 1 %.")
    ] = 0,
    suite: Annotated[str, typer.Option(help="Suite file; default: the only one.")] = "",
    store: Store = "",
) -> None:
    """Accept a change of a case, with the reason.

    The store keeps it, and so does the suite's `NAME.history.yaml`, for review.
    """
    from harness.cli.confirm import suite_file
    from harness.errors import HarnessError
    from harness.history import accepted_file
    from harness.history.accepting import accept, named
    from harness.history.reading import read
    from harness.store import Store as RunStore

    if not why.strip():
        raise HarnessError("--why: empty; give the reason, for later readers")
    if not math.isfinite(at_most):
        raise HarnessError(f"--at-most {at_most}: allowed: a finite number of percent")
    file = suite_file(suite, store)
    stored = RunStore(store)
    case, commit = named(change)
    known = read(stored, case, file.stem)
    made = accept(known, stored, case, commit, why.strip(), at_most or None, file.stem)
    path = accepted_file.add(file, made)
    for one in made:
        print(f"{one.case}: up to {one.at_most_percent:.3g} % slower since {one.commit[:9]} is accepted")
    keep(stored, made, path)


def keep(stored: RunStore, made: Sequence[Acceptance | Note], path: Path) -> None:
    """Add entries of a suite's file to the store, too. A store that takes none is named: the file is enough."""
    from harness.errors import StoreFailed
    from harness.store import events

    print(f"written to {path}: commit it, so that it is reviewed and shared")
    try:
        events.add(stored, made)
    except StoreFailed as error:
        print(f"in the file alone: {error}", file=sys.stderr)
