"""From one version of the store to the next: a chain of steps, each within the transaction of the upgrade."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, String, insert, inspect, text, update
from sqlalchemy.schema import CreateIndex, CreateTable

from harness.errors import HarnessError
from harness.store import tables


def upgrade(connection: Connection, version: int) -> None:
    """All steps from `version` on. Afterwards every table of this program is there. Raises HarnessError for a version
    that no release wrote."""
    if version not in STEPS:
        raise HarnessError(f"store version {version}: no release wrote it; allowed: {', '.join(map(str, STEPS))}")
    for number in range(version, tables.STORE_VERSION):
        STEPS[number](connection)
    there = set(inspect(connection).get_table_names())
    for table in tables.metadata.sorted_tables:
        if table.name not in there:
            connection.execute(CreateTable(table))
            for index in table.indexes:
                connection.execute(CreateIndex(index))
    connection.execute(update(tables.version).values(version=tables.STORE_VERSION))


def _texts_of_any_length(connection: Connection) -> None:
    """2 to 3: names have no greatest length, which only PostgreSQL enforced; the version is one row, by a key."""
    if connection.dialect.name == "postgresql":
        found = inspect(connection)
        for table in set(found.get_table_names()) & set(tables.metadata.tables):
            for column in found.get_columns(table):
                if isinstance(column["type"], String):
                    connection.execute(text(f'ALTER TABLE {table} ALTER COLUMN "{column["name"]}" TYPE TEXT'))
    connection.execute(text("ALTER TABLE store RENAME TO store_before"))
    connection.execute(CreateTable(tables.version))
    connection.execute(insert(tables.version).values(id=1, version=2))
    connection.execute(text("DROP TABLE store_before"))


def _new_tables_alone(_: Connection) -> None:
    """3 to 4: looks at machines are in a table of their own, which `upgrade` makes."""


STEPS: dict[int, Callable[[Connection], None]] = {2: _texts_of_any_length, 3: _new_tables_alone}
"""By the version that each starts from."""
