"""A colleague's store on a shared disk is read by who may not write to it, and says so to who tries."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.store import Store
from tests.store.test_store import measured, run

NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """Permissions do not stop root."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A store of one run in a folder that others may read; not below pytest's own, which they may not."""
    with tempfile.TemporaryDirectory(prefix="a store? ") as name:
        folder = Path(name)
        store = Store(str(folder / "runs.sqlite"))
        store.add_measurement(store.begin(run(note="theirs")), 0, measured())
        store.finish("1", "complete")
        store.close()
        (folder / "runs.sqlite").chmod(0o444)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def test_it_is_read_and_nothing_is_left_in_its_folder(shared: Path) -> None:
    with as_nobody():
        store = Store(str(shared / "runs.sqlite"))
        assert [found.note for found in store.runs()] == ["theirs"]
        assert store.load("last").measurements[0].samples
    assert [path.name for path in shared.iterdir()] == ["runs.sqlite"]


def test_it_is_read_while_its_owner_writes(shared: Path) -> None:
    """What is still in the owner's log is read as well."""
    shared.chmod(0o755)
    (shared / "runs.sqlite").chmod(0o644)
    owner = Store(str(shared / "runs.sqlite"))
    owner.begin(run(note="still in the log"))
    with as_nobody():
        notes = [found.note for found in Store(str(shared / "runs.sqlite")).runs()]
    assert notes == ["theirs", "still in the log"]
    owner.close()


def test_a_write_to_it_is_one_line(shared: Path) -> None:
    with as_nobody(), pytest.raises(HarnessError, match=r"runs.sqlite: attempt to write a readonly database$"):
        Store(str(shared / "runs.sqlite")).begin(run())
