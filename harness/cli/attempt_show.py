"""`harness show try...`: the attempts, one attempt, its source text, or its difference from another attempt."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.options import UNSAID
from harness.store.attempts import all_attempts, load_attempt

if TYPE_CHECKING:
    from harness.store import Store
    from harness.values.attempt import Attempt

PIPED_WIDTH = 200
"""Width in columns when the output is not a terminal: enough for a whole row."""


def show(name: str, source: str, diff: str, store: Store, as_json: bool) -> None:
    """Print the attempts that the name selects: `try` all, `try:7` one."""
    if name == "try":
        _list(store, as_json)
        return
    attempt = load_attempt(store, name)
    if source:
        print(attempt.source, end="")
    elif diff:
        print(_diff(attempt, diff, store) or "no difference\n", end="")
    elif as_json:
        from harness_reports.documents.stored import attempt_text

        print(attempt_text(attempt))
    else:
        _one(attempt)


def _one(attempt: Attempt) -> None:
    from harness_reports.pages.attempt import headline, lines

    kept = " · ".join(
        part for part in (f"try:{attempt.number}", attempt.started, attempt.file, *_labels(attempt)) if part
    )
    print("\n".join([kept, headline(attempt), *lines(attempt)[:-1]]))
    print(f"next        harness show try:{attempt.number} --source     harness show try:{attempt.number} --diff")


def _labels(attempt: Attempt) -> tuple[str, ...]:
    return (*attempt.tags, f'"{attempt.note}"' if attempt.note else "")


def _diff(attempt: Attempt, other: str, store: Store) -> str:
    """The difference between the attempt and another one, or its file as it is now."""
    if other == UNSAID:
        path = Path(attempt.file)
        text, name = (path.read_text(encoding="utf-8"), f"{path.name} now") if path.is_file() else ("", "(gone)")
    else:
        found = load_attempt(store, other)
        text, name = found.source, f"try:{found.number}"
    before, after = attempt.source.splitlines(keepends=True), text.splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, f"try:{attempt.number}", name))


def _list(store: Store, as_json: bool) -> None:
    known = all_attempts(store)
    if as_json:
        from harness_reports.documents.stored import attempts_text

        print(attempts_text(known))
    elif not known:
        print(f"no attempts in {store.location}; `harness try FILE` makes one")
    else:
        from harness_reports.formats.console import show
        from harness_reports.formats.terminal_table import Shown
        from harness_reports.tables.over_runs import attempts

        show(Shown(attempts(known)), columns=PIPED_WIDTH)
