"""Taking turns on a host."""

from __future__ import annotations

import stat
import threading
import time
from pathlib import Path

import pytest

from harness.runner import measuring_lock as module
from harness.runner.measuring_lock import lock_file, measuring_lock


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(module.VARIABLE, raising=False)
    monkeypatch.setattr(module, "FOLDER", str(tmp_path))
    return tmp_path


def test_jobs_with_a_temporary_folder_each_take_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """CI gives every job a TMPDIR of its own."""
    first = lock_file()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "own"))
    assert lock_file() == first


def test_the_time_that_was_waited_is_told(folder: Path) -> None:
    """A budget counts without it. The lock is taken by one at a time, in any number of threads or processes."""
    inside: list[int] = []
    waited: list[float] = []

    def hold(number: int) -> None:
        with measuring_lock(lambda _: None) as waited_s:
            waited.append(waited_s)
            inside.append(number)
            time.sleep(0.05)
            assert inside[-1] == number

    threads = [threading.Thread(target=hold, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waited) == 4 and waited == sorted(waited) and waited[-1] > 0.1


def test_another_user_can_take_the_lock(folder: Path) -> None:
    """For a lock it is enough to read the file, whatever the umask of whoever made it."""
    with measuring_lock(lambda _: None):
        pass
    assert stat.S_IMODE(lock_file().stat().st_mode) == 0o644
