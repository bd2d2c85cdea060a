"""`harness note`: a note and tags for an attempt that was worth it."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.options import Store


def command(
    attempt: Annotated[str, typer.Argument(help="`try:7`, `try:last`.")],
    note: Annotated[str, typer.Option("-m", help="The note, in place of the one that it had.")] = "",
    tag: Annotated[str, typer.Option(help="A name to be found by: `try:NAME`. Several: comma-separated.")] = "",
    store: Store = "",
) -> None:
    """Keep a note or tags with an attempt."""
    import msgspec

    from harness.cli.options import csv
    from harness.errors import HarnessError
    from harness.store import Store as RunStore
    from harness.store.attempts import load_attempt, replace
    from harness.store.naming import is_reserved

    runs = RunStore(store)
    found = load_attempt(runs, attempt)
    for word in csv(tag):
        if is_reserved(word):
            raise HarnessError(f"--tag {word}: allowed: a word that is neither a number nor `last`")
    tags = tuple(dict.fromkeys([*found.tags, *csv(tag)]))
    replace(runs, msgspec.structs.replace(found, note=note or found.note, tags=tags))
