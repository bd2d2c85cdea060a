"""The process that compiles a program to a package, and the messages to it. A crash of the compiler ends only this
process.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from harness.export.foreign import Registering, import_again
from harness.export.operators import Operator
from harness.export.stored import Blank, read_program
from harness.values.case import Tunables
from harness.values.package import PackagedKernel
from harness.values.suite import OpSource
from harness.worker.messages import Boot, Done
from harness.worker.wire import Wire

SERVICE = __name__


class CompileStep(msgspec.Struct, frozen=True, tag=True):
    """Job: make a package of a stored program. `blanks`: tensors that its file does not hold. `operators`: those that
    it calls. `sources`: of ops outside of the library. `modules`: that register operators of other packages.
    """

    program: str
    blanks: tuple[Blank, ...]
    package: str
    operators: tuple[Operator, ...]
    sources: dict[str, OpSource]
    modules: tuple[Registering, ...]
    options: dict[str, bool | str]
    load: bool
    """Also load it: a crash of the loading then happens in this process."""


class ChosenConfiguration(msgspec.Struct, frozen=True):
    """The configuration of a Triton kernel, as the compiling process stored it.

    `variant`: the owner of the kernel; empty for one of Inductor's. `timings_ms`: of each entry that was timed.
    """

    name: str
    variant: str
    chosen: Tunables
    timings_ms: tuple[tuple[str, float], ...]


class StepCompiled(msgspec.Struct, frozen=True, tag=True):
    """The package exists. `tuning_s` and `cpp_s` are parts of `compile_s`."""

    compile_s: float
    tuning_s: float
    cpp_s: float
    kernels: tuple[ChosenConfiguration, ...]


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The package can be loaded."""


class NotCompiled(msgspec.Struct, frozen=True, tag=True):
    """The reason why there is no package, in one line."""

    reason: str


POLL_S = 0.2


def serve(wire: Wire, _: Boot) -> None:
    """Compile one package after the other, until the wire closes."""
    os.setsid()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    while True:
        job: CompileStep = wire.receive(CompileStep)
        try:
            wire.send(_compiled(job))
            if job.load:
                from harness.export.loading import load

                load(Path(job.package), single_threaded=True)
                wire.send(Loaded())
        except Exception as error:  # whatever a compiler raises is that package's result
            from harness.measure.failure import first_line

            wire.send(NotCompiled(f"{type(error).__name__}: {first_line(error)}"))
        wire.send(Done())


def _end_with(parent: int) -> None:
    """Kill this process and the compilers that it started within a moment of its parent's end.

    A worker's own watch would leave them running.
    """
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os.killpg(0, signal.SIGKILL)


def _compiled(job: CompileStep) -> StepCompiled:
    import torch
    from torch._inductor import aoti_compile_and_package

    from harness.export.operators import register
    from harness.suite.catalogue import bind_ops

    bind_ops(job.sources)
    import_again(job.modules)
    whose: dict[str, str] = {}
    for operator in job.operators:
        made = register(operator)
        whose |= dict.fromkeys(made.kernels if made else (), operator.label)
    program = read_program(job.program, job.blanks)
    watch = _Watch()
    start = time.perf_counter()
    with torch.no_grad():
        aoti_compile_and_package(program, package_path=job.package, inductor_configs=dict(job.options))
    compile_s = time.perf_counter() - start
    return StepCompiled(compile_s, watch.tuning_s, watch.cpp_s, _chosen(whose, watch))


class _Watch:
    """Records where a compilation spends its time, and every timing of every configuration."""

    def __init__(self) -> None:
        import torch._inductor.cpp_builder as builder
        from torch._inductor.runtime import triton_heuristics

        self.tuning_s = self.cpp_s = 0.0
        self.timings_ms: dict[str, tuple[tuple[str, float], ...]] = {}
        tuner: Any = triton_heuristics.CachingAutotuner
        builder._run_compile_cmd = self._compiles(builder._run_compile_cmd)
        tuner.benchmark_all_configs = self._tunes(tuner.benchmark_all_configs)

    def _compiles(self, command: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return command(*arguments, **options)
            finally:
                self.cpp_s += time.perf_counter() - start

        return timed

    def _tunes(self, tune: Callable[..., Any]) -> Callable[..., Any]:
        from torch._inductor.runtime.triton_heuristics import config_to_dict

        def timed(tuner: Any, *arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            timings = tune(tuner, *arguments, **options)
            self.tuning_s += time.perf_counter() - start
            name = tuner.inductor_meta.get("kernel_name", tuner.fn.__name__)
            self.timings_ms[name] = tuple(
                (_label(config_to_dict(launcher.config)), float(ms)) for launcher, ms in timings.items()
            )
            return timings

        return timed


def _label(config: dict[str, Any]) -> str:
    return PackagedKernel("", 1, _tunables(config)).label


def _tunables(config: dict[str, Any]) -> Tunables:
    """Constants, warps and stages; the other entries that Inductor keeps beside them are no choice."""
    plain = {n: v for n, v in config.items() if isinstance(v, (int, float, str, bool)) and n != "num_ctas"}
    return {n: v for n, v in plain.items() if not n.startswith("num_") or n in ("num_warps", "num_stages")}


def _function(name: str) -> str:
    """The name of the Triton function, without the number that Inductor appends."""
    return PackagedKernel(name, 1, {}).function


def _chosen(whose: dict[str, str], watch: _Watch) -> tuple[ChosenConfiguration, ...]:
    from torch._inductor.codecache import CudaKernelParamCache

    return tuple(
        ChosenConfiguration(
            name, whose.get(_function(name), ""), _tunables(params.get("config") or {}),
            watch.timings_ms.get(name) or watch.timings_ms.get(_function(name), ()),
        )
        for name, params in CudaKernelParamCache.cache.items()
    )  # fmt: skip
