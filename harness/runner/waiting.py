"""Fresh processes that import ahead of their turn: untimed, and without the device until they get a job."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from harness.errors import HarnessError
from harness.runner.case_worker import CaseWorker
from harness.runner.stage import SILENCE_LIMIT_S
from harness.worker.process import WorkerDied


class WaitingWorkers:
    """A queue of fresh processes. new: starts one."""

    def __init__(self, new: Callable[[], CaseWorker]) -> None:
        self._new = new
        self._waiting: deque[CaseWorker] = deque()
        self._taken: CaseWorker | None = None
        self._is_stopped = False

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self, processes: int) -> CaseWorker:
        """Start processes until `processes` wait. Return the one whose turn is next."""
        while len(self._waiting) < processes:
            self._waiting.append(self._new())
        return self._waiting[0]

    def wake(self) -> None:
        """Wait until all started processes have finished their imports, so that none imports while another times."""
        for worker in list(self._waiting):
            try:
                worker.wake(SILENCE_LIMIT_S)
            except (WorkerDied, HarnessError):  # whoever takes the next starts another, and says why if that fails too
                self._waiting.remove(worker)
                worker.close()

    def rest(self, begun_only: bool = False) -> None:
        """End the waiting processes. begun_only: only those that hold the device."""
        for worker in [worker for worker in self._waiting if worker.has_begun or not begun_only]:
            self._waiting.remove(worker)
            worker.close()

    def take(self) -> CaseWorker:
        """Return the process that waits longest, or a new one where none waits. Raises WorkerDied after `stop`."""
        if self._is_stopped:
            raise WorkerDied("stopped", stopped=True)
        self._taken = self._waiting.popleft() if self._waiting else self._new()
        return self._taken

    def stop(self) -> None:
        """End the waiting processes and the one taken last, whichever thread still uses it."""
        self._is_stopped = True
        self.rest()
        if self._taken is not None:
            self._taken.kill()
