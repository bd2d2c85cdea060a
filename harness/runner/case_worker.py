"""The worker that a suite's cases need: a process with the device, or what runs programs outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from harness.values.suite import Suite
from harness.worker.device_worker import DeviceWorker
from harness.worker.messages import Hello


class CaseWorker(Protocol):
    """What a stage asks of a worker."""

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


def worker_for(suite: Suite, **options: Any) -> CaseWorker:
    """options: of `DeviceWorker`; what runs outside has its own from the suite."""
    if suite.outside:
        from harness.outside.worker import OutsideWorker

        return OutsideWorker()
    return DeviceWorker(kernels_root=suite.kernels_root, **options)
