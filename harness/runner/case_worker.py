"""The worker that a suite's cases need: a process with the device, or one that runs programs outside of the harness."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from harness.values.suite import Suite
from harness.worker.device_worker import DeviceWorker
from harness.worker.messages import Hello


class CaseWorker(Protocol):
    """The interface through which a stage uses a worker."""

    @property
    def has_begun(self) -> bool: ...

    def wake(self, limit_s: float | None = None) -> None: ...

    def hello(self, folder: Path, limit_s: float | None = None, sniff: bool = False) -> Hello: ...

    def ask(self, job: Any, kind: Any, limit_s: float | None = None) -> Iterator[Any]: ...

    def stderr(self) -> str: ...

    def finish(self) -> None: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def worker_for(suite: Suite, outside: bool, **options: Any) -> CaseWorker:
    """Return a new worker. outside: for arms that run outside of this program. options: of `DeviceWorker`."""
    if outside:
        from harness.outside.worker import OutsideWorker

        return OutsideWorker()
    return DeviceWorker(kernels_root=suite.kernels_root, **options)
