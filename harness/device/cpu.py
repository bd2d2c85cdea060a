"""This machine's CPU: wall clock, no graphs, no conditions."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from typing import Any

import torch

from harness.device.busy_core import busy_core
from harness.device.device import Elapsed, Graph, Stopwatch
from harness.device.host import cpu_name, last_level_cache_bytes, settled_threads
from harness.device.timer import Call, Timer
from harness.device.timers import make_timer
from harness.errors import CaseFailed
from harness.values.measurement import Conditions

BANDWIDTH_BYTES = 256 << 20
SET_BYTES_LIMIT = 128 << 20


class CpuDevice:
    """Opening it sets torch's threads: half of the cores, unless OMP_NUM_THREADS says otherwise."""

    kind = "cpu"
    tensors = "cpu"
    gpu = False
    captures = False
    clock = "cpu"
    l2_bytes = 0
    set_bytes_limit = SET_BYTES_LIMIT
    questions_held = 1

    def __init__(self) -> None:
        self._timers: dict[str, Timer] = {}
        self.cache_bytes = last_level_cache_bytes()
        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(settled_threads())

    def facts(self) -> dict[str, Any]:
        return {"device_name": cpu_name(), "threads": torch.get_num_threads()}

    def read_gb_s(self) -> float:
        return self._read_gb_s

    @cached_property
    def _read_gb_s(self) -> float:
        """Measured with torch's current number of threads; takes about 0.3 s."""
        buffer = torch.ones(BANDWIDTH_BYTES // 4, dtype=torch.float32)
        seconds = []
        for _ in range(4):
            start = time.perf_counter()
            buffer.sum()
            seconds.append(time.perf_counter() - start)
        return BANDWIDTH_BYTES / min(seconds) / 1e9

    def vbios(self) -> str | None:
        return None

    def timer(self, kind: str | None = None) -> Timer:
        name = kind or "cpu"
        if name not in self._timers:
            self._timers[name] = make_timer(name, self)
        return self._timers[name]

    def capture(self, calls: Sequence[Call], warm: Sequence[Call]) -> Graph:
        """Raises CaseFailed always: graphs need a GPU."""
        raise CaseFailed("CUDA graphs need a GPU")

    def conditions(self, process: int, round_number: int) -> Conditions:
        return Conditions(process=process, round=round_number)

    def joules(self) -> float | None:
        """None: a CPU's energy counters (RAPL) cover all programs on it, and only root reads them."""
        return None

    def elapsed(self, run: Callable[[], Any]) -> Elapsed:
        with self.stopwatch() as watch:
            run()
        return Elapsed(watch.us, None)

    @contextmanager
    def stopwatch(self) -> Iterator[Stopwatch]:
        watch = Stopwatch()
        start_s = time.perf_counter()
        yield watch
        watch.us = (time.perf_counter() - start_s) * 1e6

    def recorded_by_tool(self) -> AbstractContextManager[None]:
        return nullcontext()

    def neighbour(self) -> AbstractContextManager[Callable[[Call], Any]]:
        return busy_core()

    def settings(self) -> dict[str, Any]:
        return {}

    def put_back(self, name: str, value: Any) -> None:
        raise KeyError(name)

    def synchronize(self) -> None:
        pass

    def release_memory(self) -> None:
        pass

    def answers(self) -> bool:
        return True
