"""Which process of a job this is, and where its ranks meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.programs.place import this_place

RANK_0 = {
    "RANK": "0", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500",
    "TORCHELASTIC_RUN_ID": "a", "TORCHELASTIC_RESTART_COUNT": "0",
}  # fmt: skip


def test_ranks_of_one_start_meet_in_one_folder_and_no_others(tmp_path: Path) -> None:
    """Whatever rank; another port, run or restart is another job, and so is every process alone."""
    first = this_place(tmp_path, RANK_0)
    third = this_place(tmp_path, RANK_0 | {"RANK": "3"})
    assert (first.rank, third.rank, third.world_size) == (0, 3, 4) and first.folder == third.folder
    for other in ({"MASTER_PORT": "29501"}, {"TORCHELASTIC_RUN_ID": "b"}, {"TORCHELASTIC_RESTART_COUNT": "1"}):
        assert this_place(tmp_path, RANK_0 | other).folder != first.folder
    alone = this_place(tmp_path, {})
    assert (alone.rank, alone.world_size) == (0, 1) and this_place(tmp_path, {}).folder != alone.folder


def test_several_hosts_meet_whatever_their_processes_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent's number is part of the folder on one host alone."""
    several = RANK_0 | {"LOCAL_WORLD_SIZE": "2"}
    before = this_place(tmp_path, RANK_0).folder, this_place(tmp_path, several).folder
    monkeypatch.setattr("os.getppid", lambda: 1)
    assert this_place(tmp_path, RANK_0).folder != before[0] and this_place(tmp_path, several).folder == before[1]


@pytest.mark.parametrize("given", [{"RANK": "4"}, {"WORLD_SIZE": "0"}, {"RANK": "-1"}, {"WORLD_SIZE": "four"}])
def test_variables_that_are_no_ranks_are_refused(tmp_path: Path, given: dict[str, str]) -> None:
    """One line, before anything runs."""
    with pytest.raises(HarnessError, match="wanted the value"):
        this_place(tmp_path, RANK_0 | given)
