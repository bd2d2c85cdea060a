"""The configurations of sweeps in the store."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.store import Store
from tests.store.test_store import run
from tests.sweep import made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "runs.sqlite"))


def test_configurations_are_found_by_key_the_newest_of_each(store: Store) -> None:
    """Across runs; nothing is replaced, an unknown key is not there, and a store that nobody wrote to has none."""
    assert store.known_configurations(["a"]) == {} and store.known_finals("a") is None and store.environments() == []
    for us in (3.0, 2.0):
        run_id = store.begin(run())
        row = msgspec.structs.replace(made.row(us, b=1), key="a")
        store.add_configuration(run_id, "a", row)
    end = made.finals([], None, "winner")
    store.add_configuration(run_id, "end", end)
    keys = ["a", "b", *(f"k{n}" for n in range(1200))]
    assert store.known_configurations(keys) == {"a": row} and store.known_finals("end") == end
    assert store.known_finals("a") is None and store.known_configurations(["end"]) == {}
    assert [found for found, _ in store.configurations_of("int4_mm")] == [row] and store.configurations_of("sdpa") == []
