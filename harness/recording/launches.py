"""Launches of Triton kernels: each is recorded where its arguments still have names.

Triton's launch hooks give a kernel's name and grid, but none of its arguments, so the launch itself is wrapped. The
trials of an autotuner are no launches of the program's.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable
from typing import Any

from torch import Tensor

from harness.recording.reservoir import ENOUGH, Reservoir

OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg")
PLAIN = (int, float, bool, str, type(None))


class Launches:
    """in_step: whether a call belongs to a step."""

    def __init__(self, reservoir: Reservoir, in_step: Callable[[], bool]) -> None:
        self._reservoir, self._in_step = reservoir, in_step
        self._trying = threading.local()
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Start where Triton is imported; after `stop` a launch has no overhead any more."""
        if self._undo or "triton.runtime.jit" not in sys.modules:
            return
        from triton.runtime.autotuner import Autotuner
        from triton.runtime.interpreter import InterpretedFunction
        from triton.runtime.jit import JITFunction

        for kind in (JITFunction, InterpretedFunction):
            self._wrap(kind, "run", self._launched)
        self._wrap(Autotuner, "_bench", self._tried)

    def stop(self) -> None:
        for undo in self._undo:
            undo()
        self._undo = []

    def _wrap(self, kind: Any, name: str, made: Callable[[Any], Any]) -> None:
        before = getattr(kind, name)
        setattr(kind, name, made(before))
        self._undo.append(lambda: setattr(kind, name, before))

    def _tried(self, bench: Any) -> Any:
        def tried(tuner: Any, *args: Any, **options: Any) -> Any:
            self._trying.now = True
            try:
                return bench(tuner, *args, **options)
            finally:
                self._trying.now = False

        return tried

    def _launched(self, run: Any) -> Any:
        def launched(kernel: Any, *args: Any, grid: Any, warmup: bool = False, **options: Any) -> Any:
            if warmup or getattr(self._trying, "now", False):
                return run(kernel, *args, grid=grid, warmup=warmup, **options)
            return self._launch(kernel, args, grid, options, run)

        return launched

    def _launch(self, kernel: Any, args: tuple[Any, ...], grid: Any, options: dict[str, Any], run: Any) -> Any:
        def launch() -> Any:
            return run(kernel, *args, grid=grid, warmup=False, **options)

        function = kernel.fn
        one = self._reservoir.called("launch", function, function.__qualname__, function)
        if not self._in_step():
            one.outside += 1
            if one.outside > ENOUGH:
                one.beyond += 1
                return launch()
        named = _named(function, args, options)
        if named is None:
            return launch()
        arguments, constants = named
        size = tuple(grid({**arguments, **constants}) if callable(grid) else grid)
        constants |= {name: options[name] for name in OPTIONS if name in options}
        whole = all(isinstance(value, (Tensor, *PLAIN)) for value in arguments.values())
        if not whole or not all(isinstance(value, PLAIN) for value in constants.values()):
            one.beyond += 1  # a descriptor or a tuple: no file says what that is
            return launch()
        return self._reservoir.call(one, arguments, launch, tuple(int(part) for part in size), constants)


def _named(
    function: Any, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The arguments of a launch and its constants, by name; None where they do not fit, which the launch will
    report."""
    signature = inspect.signature(function)
    try:
        bound = signature.bind(
            *args, **{name: value for name, value in options.items() if name in signature.parameters}
        )
    except TypeError:
        return None
    bound.apply_defaults()
    arguments: dict[str, Any] = {}
    constants: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        constant = "constexpr" in str(signature.parameters[name].annotation)
        (constants if constant else arguments)[name] = value
    return arguments, constants
