"""Compiles many cases on all cores, each under a time limit and each code once. Imports no torch."""

from __future__ import annotations

import math
import os
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from harness import kernels_root
from harness.errors import HarnessError
from harness.scratch import Scratch
from harness.static.results import CACHE_VARIABLE, Results
from harness.static.server import Job, Result, Unwritable, Want
from harness.static.target import parse_target
from harness.suite.catalogue import bound_ops
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.suite import OpSource
from harness.worker.launch import worker_environment
from harness.worker.process import WorkerDied, WorkerProcess

LIMIT_S = 120.0
"""Seconds. The slowest of the 432 configurations of a published kernel (256 x 256 on two warps) took 21 s alone on a
core with Triton 3.6 and 8 s with 3.7. On four cores with twice as much work it took more than 60 s.
"""
NOT_TILES = frozenset({"num_warps", "num_stages", "num_ctas", "maxnreg"})
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""A process that is to be forked must have no threads."""


def compile_cases(
    cases: Sequence[Case], target: str, suite_folder: str | Path, *, jobs: int | None = None,
    limit_s: float | None = None, folder: Path | None = None, python: str = sys.executable,
    root: Path | None = None, ops: Mapping[str, OpSource] | None = None,
) -> tuple[Compiled, ...]:  # fmt: skip
    """The result of each case, in the order of `cases`; see `Compilation`."""
    compilation = Compilation(cases, target, suite_folder, jobs, limit_s, folder, python, root, ops)
    try:
        for _ in compilation:
            pass
    finally:
        compilation.close()
    return compilation.results


class Compilation:
    """Compiles from its construction on; iterating yields each result once, as it arrives.

    `target`: `sm_90`, `gfx942`. `jobs`: processes; by default as many as the cores that this process may use.
    `limit_s`: wall time for each case, by default `LIMIT_S`. `folder`: the cache of results, by default the user's.
    `python`: the interpreter whose Triton compiles. `root`: the kernels' folder. `ops`: ops outside of it; None for
    those that this process runs. `held`: compile only the cases that `want` names; `heard` returns their results. The
    binaries lie in Triton's own disk cache, where a launch on a GPU of this architecture finds them.

    Raises HarnessError for an unknown target; iterating and `heard` raise it where the compiler ends early or cannot
    write.
    """

    def __init__(
        self, cases: Sequence[Case], target: str, suite_folder: str | Path, jobs: int | None = None,
        limit_s: float | None = None, folder: Path | None = None, python: str = sys.executable,
        root: Path | None = None, ops: Mapping[str, OpSource] | None = None, held: bool = False,
    ) -> None:  # fmt: skip
        self.target, self._limit_s = target, limit_s or LIMIT_S
        named = parse_target(target).name
        self._kept = Results(named, suite_folder, folder, root, ops)
        self._found = [self._kept.load(case, self._limit_s) for case in cases]
        self._left = _in_order(cases, [i for i, known in enumerate(self._found) if known is None])
        self._ready: deque[Compiled] = deque(() if held else self.results)
        self._numbers = {case.id: i for i, case in enumerate(cases)}
        self.jobs = jobs or available_cores()
        self.expected = 0 if held else len(self._left)
        """Cases that are compiling or queued."""
        self._server: WorkerProcess | None = None
        self._ending: threading.Thread | None = None
        if self._left:
            self._server = WorkerProcess(
                "harness.static.server", kernels_root=str(root or kernels_root.in_use()), python=python,
                environment=worker_environment() | ENVIRONMENT, forks=True,
            )  # fmt: skip
            self._shared = Scratch("compile")
            left = tuple(cases[i] for i in self._left)
            job = Job(
                left, named, str(suite_folder), self._shared.name, self.jobs, self._limit_s,
                dict(bound_ops() if ops is None else ops), held,
            )  # fmt: skip
            with suppress(WorkerDied):  # hearing says why
                self._server.send(job)

    def __iter__(self) -> Iterator[Compiled]:
        try:
            while self.is_busy:
                found = self.heard(None)
                assert found is not None
                yield found
        finally:
            self.end()

    def want(self, cases: Sequence[Case]) -> None:
        """Compile these cases after those wanted before; only for a held compilation."""
        numbers = [self._numbers[case.id] for case in cases]
        self._ready.extend(known for i in numbers if (known := self._found[i]) is not None)
        places = {number: place for place, number in enumerate(self._left)}
        left = tuple(places[i] for i in numbers if self._found[i] is None)
        if left and self._server is not None:
            self.expected += len(left)
            with suppress(WorkerDied):  # hearing says why
                self._server.send(Want(left))

    def heard(self, limit_s: float | None) -> Compiled | None:
        """The next finished result; None where none finishes within the limit. Raises HarnessError where the compiler's
        process ended before its last case."""
        if self._ready:
            return self._ready.popleft()
        assert self._server is not None
        try:
            result: Result | Unwritable = self._server.hear(Result | Unwritable, limit_s)
        except WorkerDied as death:
            if death.timed_out:
                return None
            done = sum(self._found[i] is not None for i in self._left)
            raise HarnessError(f"the compiler ended after {done} of {len(self._left)} cases: {death.reason}") from None
        if isinstance(result, Unwritable):
            raise HarnessError(f"compiling: {result.problem}; {CACHE_VARIABLE} may name another folder")
        number = self._left[result.number]
        self._found[number] = result.compiled
        self._kept.save(result.compiled, self._limit_s)
        self.expected -= 1
        return result.compiled

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all cases."""
        return frozenset(self._numbers)

    @property
    def is_busy(self) -> bool:
        """Whether `heard` has something to wait for."""
        return bool(self._ready or self.expected)

    @property
    def results(self) -> tuple[Compiled, ...]:
        """The results so far, in the order of the cases."""
        return tuple(known for known in self._found if known is not None)

    def end(self) -> threading.Thread | None:
        """Stop the compilers, also in the middle of a case, and remove their shared files.

        Removing the files takes a second, for which nothing waits before `close`.
        """
        server, self._server = self._server, None
        if server is not None:
            self._ending = threading.Thread(target=_cleared, args=(server, self._shared))
            self._ending.start()
        return self._ending

    def close(self) -> None:
        """Stop the compilers, also in the middle of a case, and wait until they have ended."""
        ending = self.end()
        if ending is not None:
            ending.join()


def _cleared(server: WorkerProcess, shared: Scratch) -> None:
    server.finish()
    server.close()
    shared.cleanup()


def _in_order(cases: Sequence[Case], numbers: Sequence[int]) -> list[int]:
    """Order the cases for compiling; the order changes no result.

    Cases that may yield the same code (they differ in the number of stages alone) come one after the other, not side by
    side. Among these, the case likely to take longest comes first, so that no core is left alone with it at the end.
    """
    turns: Counter[tuple[object, ...]] = Counter()
    keys = {}
    for i in numbers:
        answer = cases[i].answer
        tunables = answer.tunables if answer else {}
        alike = (
            cases[i].question, answer and answer.variant,
            *sorted((name, value) for name, value in tunables.items() if name != "num_stages"),
        )  # fmt: skip
        keys[i] = (turns[alike], -tile_of_a_warp(cases[i]))
        turns[alike] += 1
    return sorted(numbers, key=keys.__getitem__)


def tile_of_a_warp(case: Case) -> float:
    """Elements of the tile per warp, which predicts the compile time."""
    tunables = case.answer.tunables if case.answer else {}
    numbers = {name: value for name, value in tunables.items() if isinstance(value, int) and value > 0}
    tile = math.prod(value for name, value in numbers.items() if name not in NOT_TILES)
    return tile / numbers.get("num_warps", 4)


def available_cores() -> int:
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
