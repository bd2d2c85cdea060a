"""The first rank waits for the others, as long as there is something to wait for."""

from __future__ import annotations

from pathlib import Path
from threading import Timer

import pytest

from harness.programs import gather
from harness.programs.gather import gathered
from harness.programs.place import Place
from harness.programs.told import Told, write_told


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(0, 3, tmp_path)
    for rank in range(3):
        found.begun(rank).touch()
    return found


def test_ranks_that_still_run_are_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than a rank without a sign would be."""
    monkeypatch.setattr(gather, "BEGIN_S", 0.01)
    write_told(place.told(0), Told(0))
    write_told(place.told(1), Told(0))
    Timer(0.3, write_told, (place.told(2), Told(0))).start()
    assert gathered(place, True) == {0: Told(0), 1: Told(0), 2: Told(0)}


def test_after_a_failure_the_others_have_a_little_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rank that waits for a dead one for ever is not waited for."""
    monkeypatch.setattr(gather, "FAILED_S", 0.1)
    write_told(place.told(0), Told(0))
    write_told(place.told(1), Told(-9, "no trace"))
    found = gathered(place, True)
    assert found[1].failure == "ended by SIGKILL; no trace" and "had not ended" in found[2].failure


def test_a_rank_without_a_sign_is_named_with_the_folder(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be on a host that sees another one."""
    monkeypatch.setattr(gather, "BEGIN_S", 0.1)
    place.begun(2).unlink()
    write_told(place.told(0), Told(0))
    write_told(place.told(1), Told(0))
    assert str(place.folder) in gathered(place, True)[2].failure
