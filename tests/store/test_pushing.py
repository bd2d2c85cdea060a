"""Eight processes that push into one SQLite file at once; `test_postgresql.py` has the same with a server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.store import Store
from tests.store.pushing import push_all


@pytest.mark.slow
def test_eight_writers_of_a_file_one_killed_lose_nothing(tmp_path: Path) -> None:
    """Each run is there once, whole, as sqlite3 reads the file."""
    team = tmp_path / "team.db"

    def ask(statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(team, timeout=30)) as connection:
            return connection.execute(statement).fetchall()

    with Store(str(team)).transaction():
        pass  # makes the tables
    for said in push_all(str(team), tmp_path, lambda: None):
        assert "Traceback" not in said and "locked" not in said
    assert ask("SELECT count(*), count(DISTINCT uuid) FROM runs") == [(48, 48)]
    assert ask("SELECT min(n), max(n) FROM (SELECT count(*) n FROM measurements GROUP BY run)") == [(4, 4)]
    assert ask("PRAGMA integrity_check") == [("ok",)]
