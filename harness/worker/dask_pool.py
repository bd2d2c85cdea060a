"""Tasks on the workers of a Dask cluster: one worker per GPU, one thread per worker.

Each worker runs its tasks in a separate device process, so that a kernel that crashes or hangs takes down that process
and not the worker. A killed worker loses its current task; Dask gives the task to another worker.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from harness.errors import HarnessError
from harness.worker.messages import Outcome, Task
from harness.worker.pool import DeviceProcess

CONNECT_LIMIT_S = 20
_process: DeviceProcess | None = None


def on_worker(task: Task) -> Outcome:
    """Run the task in the worker's device process. Dask calls this in a worker."""
    global _process
    _process = _process or DeviceProcess()
    return _process.perform(task)


def in_fresh_process(task: Task) -> Outcome:
    """Run the task in a process started for it alone. Dask calls this in a worker."""
    process = DeviceProcess()
    try:
        return process.perform(task)
    finally:
        process.kill()


class DaskDevices:
    """The devices of a cluster. Suite and kernels must lie at the same paths for every worker.

    address: of the scheduler, `tcp://host:8786`.
    """

    def __init__(self, address: str, timeout_s: float = CONNECT_LIMIT_S) -> None:
        """Raises HarnessError where the scheduler does not answer or its workers are unfit."""
        try:
            from distributed import Client
        except ImportError as error:
            raise HarnessError(
                "--scheduler needs the package distributed: pip install 'kernel-harness[dask]'"
            ) from error
        try:
            self._client: Any = Client(address, timeout=timeout_s, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise HarnessError(f"--scheduler {address}: no Dask scheduler answers there: {error}") from error
        workers = self._workers()
        if not workers:
            self.close()
            raise HarnessError(
                f"--scheduler {address}: no workers; start one per GPU with `dask worker {address} --nthreads 1`"
            )
        threads = {name: worker["nthreads"] for name, worker in workers.items() if worker["nthreads"] != 1}
        if threads:
            self.close()
            raise HarnessError(
                f"--scheduler {address}: {next(iter(threads))} has several threads; allowed: --nthreads 1"
            )
        self.slots = len(workers)
        self._one = next(iter(workers))

    def submit(self, task: Task) -> Future[Outcome]:
        future: Future[Outcome] = self._client.get_executor(pure=False).submit(on_worker, task)
        return future

    def on_one(self, task: Task) -> Future[Outcome]:
        return self._on_one(on_worker, task)

    def fresh(self, task: Task) -> Future[Outcome]:
        """Run in a fresh process on the device of `on_one`."""
        return self._on_one(in_fresh_process, task)

    def _on_one(self, function: Any, task: Task) -> Future[Outcome]:
        if self._one not in (workers := self._workers()):
            if not workers:
                raise HarnessError("the Dask cluster has no workers left; start workers and repeat the sweep")
            self._one = next(iter(workers))
        pinned = self._client.get_executor(pure=False, workers=[self._one], allow_other_workers=False)
        future: Future[Outcome] = pinned.submit(function, task)
        return future

    def _workers(self) -> dict[str, Any]:
        return dict(self._client.scheduler_info(n_workers=-1)["workers"])

    def close(self) -> None:
        self._client.close()


class FreshOnWorker:
    """A fresh process on a cluster's device, one of those that confirm a choice."""

    lasts = False

    def __init__(self, devices: DaskDevices) -> None:
        self._devices = devices

    def on_one(self, task: Task) -> Future[Outcome]:
        return self._devices.fresh(task)

    def close(self) -> None:
        """Do nothing: the worker ends the process with the task."""
