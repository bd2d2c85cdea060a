"""Eight processes that push their runs into one store at once; one is killed, and everybody pushes again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from harness.cli.main import main
from harness.store import Store, copying, outbox
from tests.store.test_store import measured, run

IMPORTED = copying, outbox
"""What a push imports late, once for all forks."""
WRITERS, RUNS, CASES = 8, 6, 4


def push_all(share: str, folder: Path, arrived: Callable[[], bool], disturb: Callable[[], None]) -> list[str]:
    """Once a run has arrived, the fourth writer is killed and `disturb` called; the second time all must succeed.
    Return what the writers said on standard error."""
    for number in range(WRITERS):
        local = Store(str(folder / f"{number}.sqlite"))
        for one in range(RUNS):
            cases = tuple(measured(f"c{k}") for k in range(CASES))
            local.add_run(run(state="complete", measurements=cases), f"{number}-{one}")
        local.close()
    first = _pushes(share, folder)
    while not arrived():
        time.sleep(0.02)
        assert any(process.is_alive() for process in first) or arrived()
    os.kill(first[3].pid or 0, signal.SIGKILL)
    disturb()
    assert {_ended(process) for process in first} <= {0, 2, -signal.SIGKILL}
    assert {_ended(process) for process in _pushes(share, folder)} == {0}
    return [file.read_text() for file in folder.glob("*.said")]


def _pushes(share: str, folder: Path) -> list[BaseProcess]:
    """Forked: eight imports of the program would take longer than all else."""
    context = multiprocessing.get_context("fork")
    found: list[BaseProcess] = [context.Process(target=_push, args=(share, folder, n)) for n in range(WRITERS)]
    for process in found:
        process.start()
    return found


def _push(share: str, folder: Path, number: int) -> None:
    sys.argv = ["harness", "push", "--share", share, "--store", str(folder / f"{number}.sqlite")]
    sys.stdout, sys.stderr = ((folder / f"{number}.said").open("a") for _ in range(2))
    main()


def _ended(process: BaseProcess) -> int | None:
    process.join(120)
    return process.exitcode
