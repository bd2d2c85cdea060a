"""Temporary folders: removed at the end, and by the next process after a kill; never while they are in use."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from harness.scratch import Scratch


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _hold(there: Connection) -> None:
    with Scratch("test") as folder:
        Path(folder, "weights").write_bytes(b"x" * 100)
        there.send(folder)
        signal.pause()


def test_it_is_gone_at_its_end(place: Path) -> None:
    with Scratch("test") as folder:
        assert Path(folder).parent == place and Path(folder).name.startswith("harness-test-")
    held = Scratch("test")
    held.cleanup()
    assert list(place.iterdir()) == []


def test_a_removal_that_is_killed_is_finished_by_the_next_process(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker is killed as soon as its reply is there, in the middle of removing its files."""
    held = Scratch("test")
    for name in ("a", "in-use.zzz", "z"):
        Path(held.name, name).mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", _killed)
        with pytest.raises(KeyboardInterrupt):
            held.cleanup()
    held._finalizer.detach()
    held._lock.close()
    assert len(list(place.iterdir())) == 1
    Scratch("test").cleanup()
    assert list(place.iterdir()) == []


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_the_folder_of_a_killed_process_goes_with_the_next_one(place: Path) -> None:
    """One in use stays, and so does what only has such a name."""
    (place / "harness-mine").mkdir()
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_hold, args=(there,))
    child.start()
    folder = Path(here.recv())
    with Scratch("test"):
        assert (folder / "weights").exists()
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    assert (folder / "weights").exists()
    with Scratch("test"):
        assert not folder.exists()
    assert [path.name for path in place.iterdir()] == ["harness-mine"]
