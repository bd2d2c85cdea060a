"""Eight processes that push their runs into one store at once; one is killed, and everybody pushes again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from harness.cli.main import main
from harness.store import Store, copying, outbox
from tests.store.test_store import measured, run

IMPORTED = copying, outbox
"""What a push imports late, once for all forks."""
FORK = multiprocessing.get_context("fork")
"""Eight imports of the program would take longer than all else."""
WRITERS, RUNS, CASES = 8, 6, 4
KILLED, BEFORE = 3, 3
"""The writer that is killed, and the runs that each other one pushes before the disturbance."""


def push_all(share: str, folder: Path, disturb: Callable[[], None]) -> list[str]:
    """Push twice. The first time one writer is killed in the transaction of its third run; then `disturb` is called
    while the others push their second half. The second time all must succeed. Return what the writers said on standard
    error."""
    for number in range(WRITERS):
        local = Store(str(folder / f"{number}.sqlite"))
        for one in range(RUNS):
            cases = tuple(measured(f"c{k}") for k in range(CASES))
            local.add_run(run(state="complete", measurements=cases), f"{number}-{one}")
        local.close()
    resume = FORK.Event()
    first = _started(partial(_push_half, share, folder, resume.wait))
    assert _ended(first[KILLED]) == -signal.SIGKILL
    resume.set()
    disturb()
    assert {_ended(process) for process in first} <= {0, 2, -signal.SIGKILL}
    assert {_ended(process) for process in _started(partial(_push, share, folder))} == {0}
    return [file.read_text() for file in folder.glob("*.said")]


def _started(push: Callable[[int], None]) -> list[BaseProcess]:
    found: list[BaseProcess] = [FORK.Process(target=push, args=(number,)) for number in range(WRITERS)]
    for process in found:
        process.start()
    return found


def _push_half(share: str, folder: Path, resume: Callable[[float], object], number: int) -> None:
    """Push; stop for `resume` after half of the runs. One writer dies with a transaction open."""
    copy_run, renumber = copying._copy_run, copying._renumber
    runs, transactions = count(1), count(1)

    def wait_before(source: Store, target: Store, row: dict[str, object]) -> bool:
        if next(runs) > BEFORE:
            resume(120)
        return copy_run(source, target, row)

    def die_within(*arguments: Any) -> None:
        renumber(*arguments)
        if number == KILLED and next(transactions) == BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)

    copying._copy_run, copying._renumber = wait_before, die_within
    _push(share, folder, number)


def _push(share: str, folder: Path, number: int) -> None:
    sys.argv = ["harness", "push", "--share", share, "--store", str(folder / f"{number}.sqlite")]
    sys.stdout, sys.stderr = ((folder / f"{number}.said").open("a") for _ in range(2))
    main()


def _ended(process: BaseProcess) -> int | None:
    process.join(120)
    return process.exitcode
