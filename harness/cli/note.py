"""`harness note`: a note and tags for an attempt worth keeping, or a note on the history of a case."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.options import Store
from harness.secrets import masked

WHAT = "`try:7`, `try:last`; or CASE@COMMIT, for a note in the suite's history."


def command(
    what: Annotated[str, typer.Argument(metavar="ATTEMPT|CASE@COMMIT", help=WHAT)],
    note: Annotated[
        str, typer.Option("-m", callback=masked, help="The note; it replaces an attempt's earlier one.")
    ] = "",
    tag: Annotated[str, typer.Option(help="A name for the attempt: `try:NAME`. Several: comma-separated.")] = "",
    suite: Annotated[str, typer.Option(help="For CASE@COMMIT: suite file; default: the only one.")] = "",
    store: Store = "",
) -> None:
    """Attach a note to an attempt or to a commit of a case.

    An attempt can also have tags. `@COMMIT` puts a note on the commit for all cases.
    """
    if "@" in what:
        return _of_history(what, note, tag, suite, store)
    import msgspec

    from harness.cli.options import csv, refuse
    from harness.errors import HarnessError
    from harness.store import Store as RunStore
    from harness.store.attempts import load_attempt, replace
    from harness.store.naming import is_reserved

    refuse("for a note on CASE@COMMIT; this is an attempt", suite=suite)
    runs = RunStore(store)
    found = load_attempt(runs, what)
    for word in csv(tag):
        if is_reserved(word):
            raise HarnessError(f"--tag {word}: allowed: a word that is neither a number nor `last`")
    tags = tuple(dict.fromkeys([*found.tags, *csv(tag)]))
    replace(runs, msgspec.structs.replace(found, note=note or found.note, tags=tags))


def _of_history(what: str, text: str, tag: str, suite: str, store: str) -> None:
    from harness.cli.accept import keep
    from harness.cli.confirm import suite_file
    from harness.cli.options import refuse
    from harness.errors import HarnessError
    from harness.history import accepted_file
    from harness.history.accepting import named
    from harness.history.stamp import stamp
    from harness.store import Store as RunStore
    from harness.values.event import Note

    refuse("for an attempt; this is a commit of a case", tag=tag)
    if not text.strip():
        raise HarnessError("-m: empty; allowed: the text of the note")
    file = suite_file(suite, store)
    if not file.is_file():
        raise HarnessError(f"{file}: no such suite; a note lies beside the suite that it is about")
    case, commit = named(what)
    made = Note(*stamp(), file.stem, case, commit, text.strip())
    keep(RunStore(store), [made], accepted_file.add(file, [made]))
