"""Attempts in the run store: each with its source text, so that this morning's fast version is never lost."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, Text, func, insert, select, update

from harness.errors import HarnessError
from harness.store import tables
from harness.store.migrate import with_against_name
from harness.store.naming import steps_back
from harness.store.store import Store
from harness.values.attempt import Attempt

PREFIX = "try:"
"""Start of an attempt's name: `try:7`, `try:last`, `try:last~1`, `try:TAG`."""

attempts = Table(
    "attempts", tables.metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("started", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip


def add(store: Store, attempt: Attempt) -> Attempt:
    """Store an attempt; return it with its number."""
    row = {"started": attempt.started, "question": attempt.measurement.case.question, "body": tables.encode(attempt)}
    with store.transaction() as connection:
        key = connection.execute(insert(attempts).values(row)).inserted_primary_key
    assert key is not None
    return msgspec.structs.replace(attempt, number=int(key[0]))


def replace(store: Store, attempt: Attempt) -> None:
    """Store an attempt again under its number: with a note or a tag."""
    with store.transaction() as connection:
        row = {"body": tables.encode(attempt)}
        connection.execute(update(attempts).where(attempts.c.id == attempt.number).values(row))


def next_number(store: Store) -> int:
    """The number of the next attempt, unless another process takes it first."""
    return 1 + store.read(0, lambda connection: connection.execute(select(func.max(attempts.c.id))).scalar() or 0)


def all_attempts(store: Store, question: str | None = None, since: str = "") -> list[Attempt]:
    """The attempts, oldest first. question: only of this one; since: started at or after this time (ISO 8601, UTC)."""
    wanted = select(attempts.c.id, attempts.c.body).where(attempts.c.started >= since).order_by(attempts.c.id)
    if question is not None:
        wanted = wanted.where(attempts.c.question == question)

    def found(connection: Connection) -> list[Attempt]:
        kept = ((number, tables.decode(body, Attempt)) for number, body in connection.execute(wanted))
        return [msgspec.structs.replace(with_against_name(one), number=int(number)) for number, one in kept]

    return store.read([], found)


def load_attempt(store: Store, name: str) -> Attempt:
    """An attempt by its name, with or without `try:`. Raises HarnessError, listing the existing names, where there is
    none."""
    word = name.removeprefix(PREFIX)
    known = all_attempts(store)
    steps = steps_back(word)
    if steps is not None and steps < len(known):
        return known[-1 - steps]
    for attempt in reversed(known):
        if word == str(attempt.number) or word in attempt.tags:
            return attempt
    raise HarnessError(f"no attempt {name} in {store.location}; there: {_there(known)}")


def best_of(known: Sequence[Attempt]) -> tuple[Attempt, float] | None:
    """The fastest correct attempt and its median, us."""
    from harness.stats import estimate

    timed = [(a, found.value) for a in known if (found := estimate(a.measurement.samples)) is not None]
    return min(timed, key=lambda entry: entry[1], default=None)


def _there(known: Sequence[Attempt]) -> str:
    if not known:
        return "none; `harness try FILE` makes one"
    tags = sorted({tag for attempt in known for tag in attempt.tags})
    return f"try:{known[0].number} to try:{known[-1].number}{', tags ' + ', '.join(tags) if tags else ''}, or try:last"
