"""Compilation beside everything else: it begins before the device has said where it is, and its results wait."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.static.pool import LIMIT_S, available_cores, compile_cases
from harness.values.case import Case
from harness.values.compiled import Compiled


class Compilation:
    """Starts at once, on all cores but one: that one feeds the device. Iterating gives the results as they come, and
    raises what the compiler raised."""

    def __init__(
        self, cases: Sequence[Case], target: str, folder: Path, jobs: int | None, limit_s: float | None
    ) -> None:
        self.target = target
        self._results: queue.Queue[Compiled | BaseException | None] = queue.Queue()
        arguments = (cases, target, folder, jobs or max(1, available_cores() - 1), limit_s or LIMIT_S)
        threading.Thread(target=self._run, args=arguments, daemon=True).start()

    def _run(self, cases: Sequence[Case], target: str, folder: Path, jobs: int, limit_s: float) -> None:
        try:
            compile_cases(cases, target, folder, jobs=jobs, limit_s=limit_s, on_result=self._results.put)
        except BaseException as error:  # raised where the results are read
            self._results.put(error)
        else:
            self._results.put(None)

    def __iter__(self) -> Iterator[Compiled]:
        while True:
            try:
                result = self._results.get(timeout=1.0)  # short waits: Ctrl-C must reach the main thread
            except queue.Empty:
                continue
            if result is None:
                return
            if isinstance(result, BaseException):
                raise result
            yield result
