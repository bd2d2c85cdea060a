"""`harness show try...`: the attempts, one attempt, its source text, or how it differs from another one."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from harness.attempt.rows import attempt_row
from harness.cli.options import UNSAID
from harness.store.attempts import all_attempts, load_attempt

if TYPE_CHECKING:
    from harness.store import Store
    from harness.values.attempt import Attempt


def show(name: str, source: str, diff: str, store: Store, as_json: bool) -> None:
    """Prints what `try` (all) or `try:7` (one) means."""
    if name == "try":
        _list(store, as_json)
        return
    attempt = load_attempt(store, name)
    if source:
        print(attempt.source, end="")
    elif diff:
        print(_diff(attempt, diff, store) or "no difference\n", end="")
    elif as_json:
        from harness.cli.try_ import attempt_as_json

        print(attempt_as_json(attempt))
    else:
        _one(attempt)


def _one(attempt: Attempt) -> None:
    from harness.attempt.text import headline, lines

    kept = " · ".join(
        part for part in (f"try:{attempt.number}", attempt.started, attempt.file, *_labels(attempt)) if part
    )
    print("\n".join([kept, headline(attempt), *lines(attempt)[:-1]]))
    print(f"next        harness show try:{attempt.number} --source     harness show try:{attempt.number} --diff")


def _labels(attempt: Attempt) -> tuple[str, ...]:
    return (*attempt.tags, f'"{attempt.note}"' if attempt.note else "")


def _diff(attempt: Attempt, other: str, store: Store) -> str:
    """From the attempt to another one, or to its file as it is now."""
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
        import msgspec

        rows = [attempt_row(attempt) for attempt in known]
        print(msgspec.json.encode({"schema": 1, "attempts": rows}).decode())
        return
    if not known:
        print(f"no attempts in {store.location}; `harness try FILE` makes one")
        return
    for attempt in known:
        row = attempt_row(attempt)
        time = f"{row['us']:.4g} us" if row["us"] is not None else ""
        tunables = ", ".join(f"{name}={value}" for name, value in row["tunables"].items())
        words = [f"try:{attempt.number}", attempt.started[:16].replace("T", " "), row["status"], time, row["question"]]
        print("  ".join(str(word) for word in (*words, tunables, *_labels(attempt)) if word))
