"""A variant with a list of tunables in place of one set.

Each of its kernels runs under `triton.autotune`, so that the compiler of the program chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from harness.values.case import Tunables

OPTIONS = ("num_warps", "num_stages")


class _Noted:
    """A Triton kernel whose launches are recorded and not made."""

    def __init__(self, notes: list[Any], kernel: Any) -> None:
        self._kernel, self._notes = kernel, notes

    def __getitem__(self, grid: Any) -> Any:
        return lambda *args, **options: self._notes.append((self._kernel, grid, args, options))


def listed_body(run: Callable[..., Any], entries: Sequence[Tunables]) -> Callable[..., Any]:
    """`run` with a list of tunables.

    `run` is called once per entry. The launches must be of the same kernels on the same arguments, and may differ in
    constant expressions, warps, stages and grid. The body raises ValueError where they differ in more.
    """
    from harness.export.operators import rebound

    def body(*inputs: Any) -> Any:
        outs, passes = [], []
        for tunables in entries:
            notes: list[Any] = []
            outs.append(rebound(run, partial(_Noted, notes))(*inputs, **tunables))
            passes.append(notes)
        for at in range(len(passes[0])):
            if any(len(notes) != len(passes[0]) or notes[at][0] is not passes[0][at][0] for notes in passes):
                raise ValueError("the entries of the list launch different kernels")
            _launch([notes[at] for notes in passes])
        return outs[0]

    return body


def _launch(launches: Sequence[tuple[Any, Any, tuple[Any, ...], dict[str, Any]]]) -> None:
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
