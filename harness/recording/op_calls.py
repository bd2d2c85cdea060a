"""Calls of custom ops and of chosen modules, watched in sampled steps only."""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.recording.reservoir import Reservoir

OF_TORCH = frozenset(
    {"aten", "prim", "prims", "profiler", "c10d", "_c10d_functional", "quantized", "inductor", "higher_order"}
)
"""Namespaces of ops that are not the program's. Other ops of torch have no Python implementation and are refused for
that."""
PLAIN = (int, float, bool, str, type(None))


class OpCalls:
    """Python's call of an op, `torch.ops.mine.op(...)` or the decorated function, in eager mode and in a compiled graph
    alike."""

    def __init__(self, reservoir: Reservoir) -> None:
        self._reservoir = reservoir
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        if self._undo:
            return
        from torch._ops import OpOverload, OpOverloadPacket

        for kind in (OpOverload, OpOverloadPacket):
            self._wrap(kind)

    def stop(self) -> None:
        for undo in self._undo:
            undo()
        self._undo = []

    def _wrap(self, kind: Any) -> None:
        call = kind.__call__

        def called(op: Any, /, *args: Any, **options: Any) -> Any:
            name = op._qualified_op_name if hasattr(op, "_qualified_op_name") else f"{op.name()}"
            name = name.partition(".")[0]
            if name.partition("::")[0] in OF_TORCH or torch.compiler.is_compiling():
                return call(op, *args, **options)
            return self._call(op, name, args, options, lambda: call(op, *args, **options))

        kind.__call__ = called

        def undo() -> None:
            kind.__call__ = call

        self._undo.append(undo)

    def _call(self, op: Any, name: str, args: Sequence[Any], options: Mapping[str, Any], run: Callable[[], Any]) -> Any:
        overload = op if hasattr(op, "_schema") else getattr(op, op.overloads()[0])
        declared = overload._schema.arguments
        arguments = dict(zip((one.name for one in declared), args, strict=False)) | dict(options)
        for one in declared:
            if one.name not in arguments and one.has_default_value():
                arguments[one.name] = one.default_value
        written = frozenset(one.name for one in declared if one.alias_info is not None and one.alias_info.is_write)
        found = self._reservoir.called("op", name, name, implementation(name))
        if not _plain(arguments):
            found.beyond += 1
            return run()
        return self._reservoir.call(found, arguments, run, written=written)


def implementation(name: str) -> Any:
    """The Python function that `torch.library.custom_op` was given; None for an op of another kind."""
    from torch._library.custom_ops import OPDEFS

    found = OPDEFS.get(name)
    return found._init_fn if found is not None else None


class ModuleCalls:
    """wanted: patterns of class names or of paths in the outermost module, `*.mlp`."""

    def __init__(
        self, reservoir: Reservoir, wanted: Sequence[str], outermost: Callable[[], torch.nn.Module | None]
    ) -> None:
        self._reservoir, self._wanted, self._outermost = reservoir, wanted, outermost
        self._call: Any = None
        self._paths: dict[int, str] = {}

    def start(self) -> None:
        if not self._wanted or self._call is not None:
            return
        self._call = call = torch.nn.Module.__call__
        root = self._outermost()
        self._paths = {id(one): path for path, one in root.named_modules()} if root is not None else {}

        def called(module: Any, *args: Any, **options: Any) -> Any:
            if torch.compiler.is_compiling():
                return call(module, *args, **options)
            if not self._is_wanted(module):
                return call(module, *args, **options)
            return self._record(module, args, options, lambda: call(module, *args, **options))

        torch.nn.Module.__call__ = called  # type: ignore[method-assign]

    def stop(self) -> None:
        if self._call is not None:
            torch.nn.Module.__call__, self._call = self._call, None  # type: ignore[method-assign]

    def _is_wanted(self, module: Any) -> bool:
        names = (type(module).__name__, self._paths.get(id(module), ""))
        return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in self._wanted)

    def _record(self, module: Any, args: Sequence[Any], options: Mapping[str, Any], run: Callable[[], Any]) -> Any:
        """Record one op for each class and sizes of its weights: the layers of a model are calls of one op."""
        weights = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        sizes = tuple((name, tuple(value.shape)) for name, value in weights.items())
        kind = type(module)
        found = self._reservoir.called("module", (kind, sizes), kind.__name__, module)
        try:
            bound = inspect.signature(module.forward).bind(*args, **options)
        except TypeError:
            return run()
        arguments = {name: value for name, value in bound.arguments.items() if value is not None}
        if not _plain(arguments):
            found.beyond += 1
            return run()
        names = {f"weight {name}": value.detach() for name, value in weights.items()}
        return self._reservoir.call(found, {**arguments, **names}, run, written=frozenset())


def _plain(arguments: Mapping[str, Any]) -> bool:
    def one(value: Any) -> bool:
        numbers = isinstance(value, list) and all(isinstance(part, int | float) for part in value)
        return numbers or isinstance(value, (Tensor, *PLAIN))

    return all(one(value) for value in arguments.values())
