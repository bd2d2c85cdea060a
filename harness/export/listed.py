"""A variant with a list of tunables in place of one set.

Each of its kernels runs under `triton.autotune`, so that the compiler of the program chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch

from harness.export.rebinding import rebound
from harness.values.case import Tunables

OPTIONS = ("num_warps", "num_stages")


class Launch(NamedTuple):
    kernel: Any
    grid: Any
    args: tuple[Any, ...]
    options: dict[str, Any]


class _Launching:
    """A Triton kernel that hands each launch to a function in place of making it."""

    def __init__(self, take: Callable[[Launch], None], kernel: Any) -> None:
        self._take, self._kernel = take, kernel

    def __getitem__(self, grid: Any) -> Any:
        return lambda *args, **options: self._take(Launch(self._kernel, grid, args, options))


def listed_body(run: Callable[..., Any], entries: Sequence[Tunables]) -> Callable[..., Any]:
    """`run` with a list of tunables.

    `run` is called once per entry. The launches must be of the same kernels on the same arguments, and may differ in
    constant expressions, warps, stages and grid. The body raises ValueError where they differ in more.
    """

    def body(*inputs: Any) -> Any:
        passes: list[list[Launch]] = [[] for _ in entries]
        for tunables, noted in zip(entries, passes, strict=True):  # on tensors of its own: nothing is written twice
            rebound(run, partial(_Launching, noted.append))(*map(_like, inputs), **tunables)
        places = list(zip(*passes, strict=False))
        same = all(launch.kernel is place[0].kernel for place in places for launch in place)
        if not same or any(len(noted) != len(places) for noted in passes):
            raise ValueError("the entries of the list launch different kernels")
        left = iter(places)

        def launch(first: Launch) -> None:
            """At its place: what `run` computes after a launch reads what the kernel wrote."""
            _launch([first, *next(left)[1:]])

        return rebound(run, partial(_Launching, launch))(*inputs, **entries[0])

    return body


def _like(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device=value.device)


def _launch(launches: Sequence[Launch]) -> None:
    """Launch one kernel, each recorded launch as an entry of its autotuner."""
    import triton

    kernel = launches[0][0]
    constants = {param.name for param in kernel.params if param.is_constexpr}
    named = [dict(zip(kernel.arg_names, args, strict=False)) | options for _, _, args, options in launches]
    fixed = {n: v for n, v in named[0].items() if n in kernel.arg_names and n not in constants}
    if any(other.get(n) != v for other in named for n, v in fixed.items() if not isinstance(v, torch.Tensor)):
        raise ValueError(f"the entries of the list call {kernel.fn.__name__} with different sizes")
    varying = sorted(name for name in constants if len({repr(other.get(name)) for other in named}) > 1)
    fixed |= {name: named[0][name] for name in constants if name not in varying and name in named[0]}
    grids, configs = {}, {}
    for other, (_, grid, _, _) in zip(named, launches, strict=True):
        values = tuple(other[name] for name in varying)
        grids[values] = grid
        options = {name: other[name] for name in OPTIONS if name in other}
        configs[values, tuple(options.items())] = triton.Config(dict(zip(varying, values, strict=True)), **options)
    tuner = triton.autotune(configs=list(configs.values()), key=[])(kernel)
    torch.library.wrap_triton(tuner)[lambda meta: grids[tuple(meta[name] for name in varying)]](**fixed)
