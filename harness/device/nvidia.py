"""An NVIDIA GPU: the first that CUDA shows to this process."""

from __future__ import annotations

import ctypes
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

import torch

from harness.device.busy_stream import BusyStream
from harness.device.cuda_graphs import CudaGraph
from harness.device.device import Elapsed, Graph, Stopwatch
from harness.device.nvml import ConditionsReader
from harness.device.ptxas import ptxas_version
from harness.device.timer import Call, Timer
from harness.device.timers import make_timer
from harness.values.measurement import Conditions

PERSISTING_L2 = 6
"""CU_LIMIT_PERSISTING_L2_CACHE_SIZE of the CUDA driver API."""
L2_SET_ASIDE = "bytes of the L2 set aside for persisting lines"
BANDWIDTH_BYTES = 4 << 30
SET_BYTES_LIMIT = 4 << 30
"""Bytes. The flush before each sample covers the cache that copies of the weights do not."""


class NvidiaDevice:
    kind = "cuda"
    tensors = "cuda"
    gpu = True
    captures = True
    clock = "events"
    set_bytes_limit = SET_BYTES_LIMIT
    questions_held = 4

    def __init__(self) -> None:
        self._timers: dict[str, Timer] = {}
        self.l2_bytes = self.cache_bytes = int(self._properties.L2_cache_size)

    @cached_property
    def _properties(self) -> Any:
        return torch.cuda.get_device_properties(0)

    @cached_property
    def _reader(self) -> ConditionsReader:
        return ConditionsReader(f"GPU-{self._properties.uuid}")

    @cached_property
    def _busy(self) -> BusyStream:
        """One stream for all cases: cuBLAS keeps 32 MiB for each stream that it is used on."""
        return BusyStream()

    def facts(self) -> dict[str, Any]:
        properties, reader = self._properties, self._reader
        major, minor = torch.cuda.get_device_capability(0)
        return {
            "device_name": torch.cuda.get_device_name(0),
            "device_uuid": f"GPU-{properties.uuid}",
            "sm_count": properties.multi_processor_count,
            "compute_capability": f"sm_{major}{minor}",
            "memory_bytes": properties.total_memory,
            "l2_bytes": properties.L2_cache_size,
            "driver": reader.driver(),
            "cuda": torch.version.cuda,
            "ptxas": ptxas_version(10 * major + minor),
            "power_limit_w": reader.power_limit_w(),
            "max_sm_clock_mhz": reader.max_sm_clock_mhz(),
            "clocks_policy": "as found",
        }

    def read_gb_s(self) -> float:
        return self._read_gb_s

    @cached_property
    def _read_gb_s(self) -> float:
        """From the median of the faster half of eight reads; takes about 0.1 s."""
        count = min(BANDWIDTH_BYTES, torch.cuda.mem_get_info()[0] // 4) // 4
        buffer = torch.ones(count, dtype=torch.float32, device="cuda")
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        milliseconds = []
        for _ in range(8):
            start.record()
            buffer.sum()
            end.record()
            end.synchronize()
            milliseconds.append(start.elapsed_time(end))
        return count * 4 / statistics.median(sorted(milliseconds)[:4]) / 1e6

    def vbios(self) -> str | None:
        return self._reader.vbios()

    def timer(self, kind: str | None = None) -> Timer:
        name = kind or "cuda_graph"
        if name not in self._timers:
            self._timers[name] = make_timer(name, self)
        return self._timers[name]

    def capture(self, calls: Sequence[Call], warm: Sequence[Call]) -> Graph:
        return CudaGraph(calls, warm)

    def conditions(self, process: int, round_number: int) -> Conditions:
        return self._reader.read(process, round_number)

    def joules(self) -> float | None:
        return self._reader.joules()

    def elapsed(self, run: Callable[[], Any]) -> Elapsed:
        held_bytes = torch.cuda.memory_allocated()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        with self.stopwatch() as watch:
            run()
        return Elapsed(watch.us, torch.cuda.max_memory_allocated() - held_bytes)

    @contextmanager
    def stopwatch(self) -> Iterator[Stopwatch]:
        watch = Stopwatch()
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        yield watch
        end.record()
        end.synchronize()
        watch.us = start.elapsed_time(end) * 1e3

    @contextmanager
    def recorded_by_tool(self) -> Iterator[None]:
        torch.cuda.synchronize()
        torch.cuda.cudart().cudaProfilerStart()
        yield
        torch.cuda.synchronize()
        torch.cuda.cudart().cudaProfilerStop()

    @contextmanager
    def neighbour(self) -> Iterator[Callable[[Call], Any]]:
        yield self._busy.beside
        torch.cuda.synchronize()

    def settings(self) -> dict[str, Any]:
        size = ctypes.c_size_t()
        _driver().cuCtxGetLimit(ctypes.byref(size), PERSISTING_L2)
        return {L2_SET_ASIDE: size.value}

    def put_back(self, name: str, value: Any) -> None:
        _driver().cuCtxSetLimit(PERSISTING_L2, ctypes.c_size_t(value))
        _driver().cuCtxResetPersistingL2Cache()

    def synchronize(self) -> None:
        torch.cuda.synchronize()

    def release_memory(self) -> None:
        torch.cuda.empty_cache()

    def answers(self) -> bool:
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            return False
        return True


@cache
def _driver() -> ctypes.CDLL:
    torch.cuda.current_stream()  # makes the context that limits belong to
    return ctypes.CDLL("libcuda.so.1")
