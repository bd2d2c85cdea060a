"""The steps of an unprepared program: calls of its outermost module, or of a `record_function` of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.profiler import record_function
from torch.nn.modules import module as modules


def _nothing(*_: object) -> None:
    """The replacement of a hook in another process."""


def _sent() -> Callable[..., None]:
    return _nothing


class _Hook:
    """A hook on a module of the program's. The module may be copied or sent elsewhere: the copy's calls are no
    steps."""

    def __init__(self, called: Callable[[torch.nn.Module], None]) -> None:
        self._called = called

    def __call__(self, module: torch.nn.Module, _: object) -> None:
        if not torch.compiler.is_compiling():
            self._called(module)

    def __deepcopy__(self, _: object) -> Callable[..., None]:
        return _nothing

    def __reduce__(self) -> tuple[Callable[..., object], tuple[()]]:
        return _sent, ()


class StepWatch:
    """Reports the number of each step, from 0 on, when it begins; with a name also when it has ended. A step of module
    calls lasts until the next one begins, so it includes sampling, backward and the optimizer.

    Every call is watched until one of the outermost modules is called again; from then on only the modules seen so far.
    A hook that all modules share costs a tenth of a small model's step.
    """

    def __init__(self, name: str, began: Callable[[int], None], ended: Callable[[int], None]) -> None:
        self._name, self._began, self._ended = name, began, ended
        self.count = 0
        self.outermost: torch.nn.Module | None = None
        self._depth = threading.local()
        self._undo: list[Callable[[], None]] = []
        self._seen: dict[int, torch.nn.Module] = {}

    def start(self) -> None:
        if self._name:
            self._watch_ranges()
        else:
            self._undo = [
                modules.register_module_forward_pre_hook(self._before).remove,
                modules.register_module_forward_hook(self._after, always_call=True).remove,
            ]

    def stop(self) -> None:
        """Remove all hooks from the program."""
        for undo in self._undo:
            undo()
        self._undo = []

    def _before(self, module: torch.nn.Module, _: object) -> None:
        if torch.compiler.is_compiling():  # the calls inside of a compiled one are none of Python's
            return
        self._depth.value = depth = getattr(self._depth, "value", 0) + 1
        if depth == 1 and next(module.parameters(), None) is not None:
            self._step(module)
            if id(module) in self._seen:
                self._watch_seen()
            self._seen[id(module)] = module

    def _step(self, module: torch.nn.Module) -> None:
        self.count += 1
        self.outermost = module
        self._began(self.count - 1)

    def _watch_seen(self) -> None:
        if self._undo:  # it was not stopped by this very step
            self.stop()
            hook = _Hook(self._step)
            self._undo = [module.register_forward_pre_hook(hook).remove for module in self._seen.values()]

    def _after(self, *_: object) -> None:
        if not torch.compiler.is_compiling():
            self._depth.value = max(0, getattr(self._depth, "value", 0) - 1)

    def _watch_ranges(self) -> None:
        enter, leave = record_function.__enter__, record_function.__exit__

        def entered(one: Any) -> Any:
            if one.name == self._name:
                self.count += 1
                self._began(self.count - 1)
            return enter(one)

        def left(one: Any, *error: Any) -> Any:
            result = leave(one, *error)
            if one.name == self._name:
                self._ended(self.count - 1)
            return result

        def undo() -> None:
            record_function.__enter__, record_function.__exit__ = enter, leave  # type: ignore[method-assign]

        record_function.__enter__, record_function.__exit__ = entered, left  # type: ignore[method-assign]
        self._undo = [undo]
