"""Calls a variant on meta tensors: every Triton launch becomes a warm-up and is recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from triton.backends.compiler import GPUTarget
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction

from harness.static.target import Target

DEVICE = 0


class StandInDriver:
    """The part of a driver that compiling needs: it names the target."""

    def __init__(self, target: Target) -> None:
        self.target = GPUTarget(target.backend, target.arch, target.warp)

    def get_current_target(self) -> GPUTarget:
        return self.target

    def get_current_device(self) -> int:
        return DEVICE

    def get_current_stream(self, device: int) -> int:
        return 0


class Recorded(msgspec.Struct, frozen=True):
    """One launch: the compiled kernel and the arguments that it would have started with; see `Launch`."""

    kernel: Any
    grid: tuple[int, int, int]
    scalars: tuple[str, ...]
    tensors: tuple[str, ...]


class Recorder:
    """Records the launches of a call.

    `launches`: those of the last call, in order. `host_ops`: hash of the torch calls that it made. Every configuration
    of a kernel under `triton.autotune` is launched, or only the one chosen earlier on a GPU: `chosen`.
    """

    def __init__(self) -> None:
        self.launches: list[Recorded] = []
        self.chosen: list[str] = []
        self.host_ops = ""

    def call(self, run: Callable[..., Any], inputs: list[Any], tunables: Mapping[str, Any]) -> Any:
        """Call `run` on inputs that are meta tensors and numbers. Raises any error of `run` or the compiler."""
        self.launches, self.chosen = [], []
        memory = _Memory()
        for value in inputs:
            if isinstance(value, torch.Tensor):
                memory.describe(value)
        ops = _HostOps(memory)
        with torch.no_grad(), _launches_recorded(self.launches, self.chosen, memory), ops:
            result = run(*inputs, **tunables)
        self.host_ops = ops.digest.hexdigest() if ops.count else ""
        return result


class _Memory:
    """Numbers memory in the order of first use, and keeps it alive so that no number is reused."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._held: list[Any] = []

    def describe(self, tensor: torch.Tensor) -> str:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers)
            self._held.append(storage)
        shape, strides = ",".join(map(str, tensor.shape)), ",".join(map(str, tensor.stride()))
        dtype = str(tensor.dtype).removeprefix("torch.")
        return f"{self._numbers[key]}:{dtype}[{shape}]({strides})+{tensor.storage_offset()}"


class _HostOps(TorchDispatchMode):
    """Hashes every torch call with its arguments; a tensor enters by its memory, dtype, shape and strides.

    Views are left out: they do nothing on a GPU, and each op that uses one describes it.
    """

    def __init__(self, memory: _Memory) -> None:
        super().__init__()
        self.memory, self.digest, self.count = memory, hashlib.sha256(), 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Called by torch. With True the first call imports torch._dynamo, 1.4 to 4 s a process; nothing is traced
        here.
        """
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not func.is_view:
            self.count += 1
            self.digest.update(f"{func} {self._text(args)} {self._text(kwargs or {})}\n".encode())
        return func(*args, **(kwargs or {}))

    def _text(self, value: Any) -> str:
        if isinstance(value, torch.Tensor):
            return self.memory.describe(value)
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{name}={self._text(inner)}" for name, inner in sorted(value.items())) + "}"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(map(self._text, value)) + "]"
        return repr(value)


@contextmanager
def _launches_recorded(launches: list[Recorded], choices: list[str], memory: _Memory) -> Iterator[None]:
    """Replace `run` of Triton's functions.

    No hook of Triton 3.7 sees the grid and arguments of a launch that is not made. On a GPU (`gpu_binaries`) no launch
    may be made either.
    """
    launch, autotune = JITFunction.run, Autotuner.run

    def warm_up(function: Any, *args: Any, grid: Any, warmup: bool, **options: Any) -> Any:
        kernel = launch(function, *args, grid=grid, warmup=True, **options)
        named = dict(zip(function.arg_names, args, strict=False))
        named |= {name: value for name, value in options.items() if name in function.arg_names}
        launches.append(_recorded(function, kernel, grid(named) if callable(grid) else grid, named, memory))
        return kernel

    def every(tuner: Any, *args: Any, **options: Any) -> Any:
        """Launch each configuration that could be chosen, or the chosen one where there was a GPU to choose on."""
        chosen = getattr(tuner, "best_config", None)
        if chosen is not None and len(tuner.configs) > 1:
            choices.append(f"{tuner.base_fn.__name__}: {chosen}")
        configurations, result = tuner.configs, None
        try:
            for configuration in [chosen] if chosen is not None else configurations:
                tuner.configs = [configuration]
                result = autotune(tuner, *args, **options)
        finally:
            tuner.configs = configurations
            if chosen is None and hasattr(tuner, "best_config"):
                del tuner.best_config  # nothing was timed
        return result

    JITFunction.run, Autotuner.run = warm_up, every
    try:
        yield
    finally:
        JITFunction.run, Autotuner.run = launch, autotune


def _recorded(function: Any, kernel: Any, grid: Any, named: Mapping[str, Any], memory: _Memory) -> Recorded:
    scalars, tensors = [], []
    for parameter in function.params:
        name, value = parameter.name, named.get(parameter.name)
        if parameter.is_constexpr:  # in the binary
            continue
        if isinstance(value, torch.Tensor):
            tensors.append(memory.describe(value))
        elif name in named:
            scalars.append(f"{name}={value!r}")
    x, y, z = (*grid, 1, 1)[:3]
    return Recorded(kernel, (int(x), int(y), int(z)), tuple(scalars), tuple(tensors))
