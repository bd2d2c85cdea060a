"""What was said of a history, in the store."""

from __future__ import annotations

from pathlib import Path

from harness.store import Store, events
from harness.store.checking import check
from harness.store.copying import copy
from harness.values.event import Answer, Event, Note
from tests.history.made import acceptance, answers, series_of


def test_each_event_is_kept_once_and_as_it_was(tmp_path: Path) -> None:
    """In their order; of one suite those that are about it or about all; and copied with the runs."""
    store, other = Store(str(tmp_path / "a.sqlite")), Store(str(tmp_path / "b.sqlite"))
    note = Note("n", "2026-01-01", "me", "another", "", "c" * 40, "cooling")
    said: list[Event] = [*answers(series_of({40: 0.05}), [Answer.COMMIT]), acceptance("a" * 40), note]
    assert events.of_suite(store) == []
    assert (events.add(store, said), events.add(store, said[1:])) == (3, 0)
    assert events.of_suite(store) == said and events.of_suite(store, "another") == [note]
    copy(store, other)
    copy(store, other)
    assert events.of_suite(other) == said and check(other) == (3, [])
