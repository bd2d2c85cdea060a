"""Detect changes that a kernel made in the process that times and judges it.

A kernel runs beside the clock, the comparison and the other kernels. Before a kernel is imported, `Watch` remembers
every function that these rely on, the settings that change other kernels' results or speed, and the running threads and
processes. `changes` names every difference and restores functions and settings. LIMITS says which attacks this does not
see.
"""

from __future__ import annotations

import builtins
import gc
import math
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from operator import attrgetter, getitem, is_
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, ModuleType
from typing import Any

import torch

from harness import kernels_root
from harness.device.device import Device
from harness.measure.below_python import CFunctions, torch_kernels
from harness.measure.constants import Constants

OWNERS: tuple[Any, ...] = (
    builtins, gc, math, os, signal, statistics, sys, threading, threading.Thread, time, torch, torch.Tensor,
    torch._C.TensorBase, torch.Generator, torch.cuda, torch.cuda.CUDAGraph, torch.cuda.Event,
    torch.cuda.Event.__mro__[1], torch.cuda.Stream, torch.cuda.Stream.__mro__[1], torch.cuda.graph,
    torch.nn.functional, torch.backends.cuda.matmul.__class__,
)  # fmt: skip
"""Modules and classes whose functions time, compare, draw inputs and wait for the device."""
KERNELS = f"{kernels_root.NAME}."
WATCHED_PREFIXES = ("harness.", KERNELS)
"""Modules by prefix: this package, and the kernels that were loaded before."""
DECLARED = (".spec", ".contract", ".operands", ".stress")
"""Modules of the kernels whose constants are part of a verdict; a variant may change its own."""
ENVIRONMENT_PREFIXES = ("CUDA_", "HARNESS_", "KMP_", "LD_", "MKL_", "OMP_", "PYTHON", "PYTORCH_", "TRITON_INTERPRET")
"""Variables that change how this process, or one that it starts, computes."""
SET_BY_TORCH = ("CUDA_MODULE_LOADING", "PYTORCH_NVML_BASED_CUDA_CHECK")
_code = attrgetter("__code__")
SET_WITH_THE_DTYPE = ("Storage",)
WRAPPED_BY_TORCH = "manual_seed"
"""torch wraps this function of its own at the first use of `torch.compile`."""
MADE_WHEN_READ = ("__annotations__", "__annotations_cache__")
"""Python adds these names to a module or class without annotations when code asks for them."""
CODE = (FunctionType, BuiltinFunctionType, MethodDescriptorType, type, classmethod, staticmethod, property)
PUT_BACK_BY: dict[str, Callable[[Any], object]] = {
    "torch.get_num_threads": torch.set_num_threads,
    "torch.get_default_dtype": torch.set_default_dtype,
    "torch.get_float32_matmul_precision": torch.set_float32_matmul_precision,
    "gc.isenabled": lambda on: gc.enable() if on else gc.disable(),
    "os.getcwd": os.chdir,
    "os.nice": lambda priority: os.setpriority(os.PRIO_PROCESS, 0, priority),
    "os.sched_getaffinity": lambda cores: os.sched_setaffinity(0, cores),
    "torch.overrides": lambda depth: [
        torch._C._pop_torch_function_stack() for _ in range(torch._C._len_torch_function_stack() - depth)
    ],
    "sys.gettrace": sys.settrace,
    "sys.getprofile": sys.setprofile,
    "sys.getswitchinterval": sys.setswitchinterval,
}


class _Owner:
    """The functions of one module or class, as they were."""

    def __init__(self, owner: Any, label: str) -> None:
        self.owner, self._label = owner, label
        kept = {n: v for n, v in vars(owner).items() if isinstance(v, CODE) and n not in SET_WITH_THE_DTYPE}
        self.names, self.functions = tuple(kept), tuple(kept.values())
        self.in_python = tuple(value for value in self.functions if isinstance(value, FunctionType))
        self.codes = tuple(map(_code, self.in_python))
        self._all = set(vars(owner))

    @property
    def size(self) -> int:
        """The number of names that it had, functions or not."""
        return len(self._all)

    def changes(self) -> Iterator[str]:
        """Name each function or name that was replaced, rewritten or put before an inherited or built-in one, and
        restore it."""
        held = vars(self.owner)
        self.functions = tuple(
            held[name] if name == WRAPPED_BY_TORCH and _is_wrapped(held.get(name), value) else value
            for name, value in zip(self.names, self.functions, strict=True)
        )
        for name, value in zip(self.names, self.functions, strict=True):
            if held.get(name) is not value:
                setattr(self.owner, name, value)
                yield f"replaced {self._label}.{name}"
        for function, code in zip(self.in_python, self.codes, strict=True):
            if function.__code__ is not code:
                function.__code__ = code
                yield f"replaced {self._label}.{function.__name__}"
        for name in sorted(held.keys() - self._all):
            if _hides(self.owner, name):
                delattr(self.owner, name)
                yield f"replaced {self._label}.{name}"
        self._all = set(vars(self.owner))


class _Owners:
    """All owners checked in one pass after every step: some 3,800 unchanged functions take 0.5 ms; owner by owner they
    take 3 ms."""

    def __init__(self, owners: Sequence[_Owner]) -> None:
        held = [(vars(owner.owner), owner) for owner in owners]
        self._namespaces, self._sizes = [names for names, _ in held], [owner.size for _, owner in held]
        self._of = [names for names, owner in held for _ in owner.names]
        self._names = [name for owner in owners for name in owner.names]
        self._values = [value for owner in owners for value in owner.functions]
        self._functions = [function for owner in owners for function in owner.in_python]
        self._codes = [code for owner in owners for code in owner.codes]

    def are_unchanged(self) -> bool:
        try:
            return (
                all(map(is_, map(getitem, self._of, self._names), self._values))
                and all(map(is_, map(_code, self._functions), self._codes))
                and list(map(len, self._namespaces)) == self._sizes
            )
        except KeyError:  # one was deleted
            return False


class Watch:
    """The functions, settings and threads of this process at the time when the watch was made."""

    def __init__(self, device: Device) -> None:
        self._device = device
        # torch.fx makes bars that it hides, for which tqdm starts a thread that stays.
        torch.hub.tqdm.monitor_interval = 0  # type: ignore[attr-defined]
        self._owners = [_Owner(owner, getattr(owner, "__name__", type(owner).__name__)) for owner in OWNERS]
        self._c_functions = CFunctions([function for owner in self._owners for function in owner.functions])
        self._torch_kernels = torch_kernels()
        self._constants: list[Constants] = []
        self._watched: set[str] = set()
        self._modules = 0
        self._as_they_were = _Owners(self._owners)
        self.extend()
        self._settings = self._read_settings()
        self._threads = {thread.ident for thread in threading.enumerate()}
        self._children = _children()

    def extend(self) -> None:
        """Watch the modules of this package and the kernels that were loaded since, as they are now."""
        if len(sys.modules) == self._modules:
            return
        self._modules = len(sys.modules)
        for name, module in list(sys.modules.items()):
            if name.startswith(WATCHED_PREFIXES) and name not in self._watched and isinstance(module, ModuleType):
                self._watched.add(name)
                classes = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == name]
                self._owners.append(_Owner(module, name))
                if not name.startswith(KERNELS) or name.endswith(DECLARED):
                    self._constants.append(Constants(module, name))
                self._owners += [_Owner(value, f"{name}.{value.__qualname__}") for value in classes]
        self._as_they_were = _Owners(self._owners)

    def changes(self, whole: bool = False) -> list[str]:
        """A line for each change; functions and settings are restored. whole: also check torch's dispatcher, which
        takes a millisecond."""
        replaced = []
        if not self._as_they_were.are_unchanged():
            replaced = [change for owner in self._owners for change in owner.changes()]
            self._as_they_were = _Owners(self._owners)
        replaced += [f"changed {name}" for constants in self._constants for name in constants.changes()]
        replaced += [f"replaced the C function of {name}" for name in self._c_functions.changes(whole)]
        if whole and (now := torch_kernels()) != self._torch_kernels:  # nothing puts a kernel back
            names = [name for name, kernels in now.items() if kernels != self._torch_kernels[name]]
            replaced.append(f"replaced torch's kernel of {', '.join(names)}")
        return [*replaced, *self._changed_settings(), *self._left_running()]

    def _changed_settings(self) -> Iterator[str]:
        for name, now in self._read_settings().items():
            before = self._settings[name]
            if now == before:
                continue
            if name in PUT_BACK_BY:
                with suppress(OSError):  # a raised priority takes rights to lower
                    PUT_BACK_BY[name](before)
            elif name.startswith("torch.backends."):
                _set_backend(name, before)
            elif name in self._device.settings():
                self._device.put_back(name, before)
            elif name == "os.environ":
                yield from _put_environment_back(before, now)
                continue
            yield f"changed {name} from {before} to {now}"
        self._settings = self._read_settings()  # what could not be put back is said once

    def _read_settings(self) -> dict[str, Any]:
        return _settings() | self._device.settings()

    def _left_running(self) -> Iterator[str]:
        threads = [thread for thread in threading.enumerate() if thread.ident not in self._threads]
        yield from (f"left the thread {thread.name} running" for thread in threads)
        self._threads |= {thread.ident for thread in threads}
        processes = _children() - self._children
        yield from (f"left process {pid} running" for pid in sorted(processes))
        self._children |= processes


def _is_wrapped(now: Any, before: Any) -> bool:
    """Whether it is torch's own wrapper of the same function, recognised by the code that all these wrappers share."""
    same = getattr(now, "__code__", None) is torch._compile._disable_dynamo(before).__code__
    return same and any(cell.cell_contents is before for cell in now.__closure__ or ())


def _hides(owner: Any, name: str) -> bool:
    """Whether a name that was added to a class or module stands before an inherited or built-in one."""
    if name in MADE_WHEN_READ:
        return False
    if isinstance(owner, type):
        return any(name in vars(above) for above in owner.__mro__[1:])
    return name in vars(builtins) and owner is not builtins


def _settings() -> dict[str, Any]:
    """The settings of this process that reach beyond the kernel that changes them, by the name of their getter."""
    getters: dict[str, Callable[[], Any]] = {
        "torch.get_num_threads": torch.get_num_threads,
        "torch.get_default_dtype": torch.get_default_dtype,
        "torch.get_float32_matmul_precision": torch.get_float32_matmul_precision,
        "torch.overrides": lambda: torch._C._len_torch_function_stack(),
        "torch.utils._python_dispatch": lambda: torch._C._len_torch_dispatch_stack(),
        "flush of denormals": lambda: bool(torch.tensor(1e-40).mul(1.0) == 0),
        "gc.isenabled": gc.isenabled,
        "gc.callbacks": lambda: len(gc.callbacks),
        "os.getcwd": os.getcwd,
        "os.nice": lambda: os.getpriority(os.PRIO_PROCESS, 0),
        "os.sched_getaffinity": lambda: os.sched_getaffinity(0),
        "sys.gettrace": sys.gettrace,
        "sys.getprofile": sys.getprofile,
        "sys.getswitchinterval": sys.getswitchinterval,
        "signal handlers": lambda: tuple(signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGPROF)),
        "os.environ": lambda: {k: v for k, v in os.environ.items() if k.startswith(ENVIRONMENT_PREFIXES)},
    }
    found = {name: read() for name, read in getters.items()}
    for name in BACKENDS:
        holder, attribute = _backend(name)
        found[name] = getattr(holder, attribute)
    return found


BACKENDS = (
    "torch.backends.cuda.matmul.allow_tf32", "torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction",
    "torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction", "torch.backends.cudnn.allow_tf32",
    "torch.backends.cudnn.benchmark", "torch.backends.cudnn.deterministic", "torch.backends.mkldnn.allow_tf32",
)  # fmt: skip


def _backend(name: str) -> tuple[Any, str]:
    holder: Any = torch
    *path, attribute = name.split(".")[1:]
    for part in path:
        holder = getattr(holder, part)
    return holder, attribute


def _set_backend(name: str, value: Any) -> None:
    holder, attribute = _backend(name)
    setattr(holder, attribute, value)


def _put_environment_back(before: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    for name in sorted((before.keys() | now.keys()) - set(SET_BY_TORCH)):
        if before.get(name) == now.get(name):
            continue
        if name in before:
            os.environ[name] = before[name]
        else:
            del os.environ[name]
        yield f"changed the environment variable {name} from {before.get(name)} to {now.get(name)}"


def _children() -> set[int]:
    """Processes that Python threads of this process started and that still run."""
    found: set[int] = set()
    for thread in threading.enumerate():
        try:
            children = Path(f"/proc/self/task/{thread.native_id}/children").read_text()
        except OSError:  # the thread ended meanwhile
            continue
        found |= {int(pid) for pid in children.split()}
    return found
