"""The same tasks on the workers of a Dask cluster: one worker a GPU, one thread a worker.

Each worker does them in a device process of its own, so that a kernel that crashes or hangs costs that process and not
the worker. A worker that is killed loses the task that it was at; Dask gives that to another one.
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
    """Called by Dask in a worker: does the task in that worker's device process."""
    global _process
    _process = _process or DeviceProcess()
    return _process.perform(task)


def in_fresh_process(task: Task) -> Outcome:
    """Called by Dask in a worker: does the task in a process that is made for it."""
    process = DeviceProcess()
    try:
        return process.perform(task)
    finally:
        process.kill()


class DaskDevices:
    """address: of the scheduler, `tcp://host:8786`. Suite and kernels must lie at the same paths for every worker."""

    def __init__(self, address: str, timeout_s: float = CONNECT_LIMIT_S) -> None:
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
            raise HarnessError(f"--scheduler {address}: it has no workers")
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
        """In a process that is made for it, on the device of `on_one`."""
        return self._on_one(in_fresh_process, task)

    def _on_one(self, function: Any, task: Task) -> Future[Outcome]:
        if self._one not in (workers := self._workers()):
            if not workers:
                raise HarnessError("the Dask cluster has no workers left")
            self._one = next(iter(workers))
        pinned = self._client.get_executor(pure=False, workers=[self._one], allow_other_workers=False)
        future: Future[Outcome] = pinned.submit(function, task)
        return future

    def _workers(self) -> dict[str, Any]:
        return dict(self._client.scheduler_info(n_workers=-1)["workers"])

    def close(self) -> None:
        self._client.close()


class FreshOnWorker:
    """A fresh process on a cluster's device, as one of those that confirm a choice."""

    lasts = False

    def __init__(self, devices: DaskDevices) -> None:
        self._devices = devices

    def on_one(self, task: Task) -> Future[Outcome]:
        return self._devices.fresh(task)

    def close(self) -> None:
        """The worker ends the process with the task."""
