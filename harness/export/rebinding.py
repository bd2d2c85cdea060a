"""Copies of a variant's functions in which each Triton kernel is replaced; the module itself stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import _lru_cache_wrapper
from types import CodeType, FunctionType
from typing import Any


def rebound(run: Callable[..., Any], replace: Callable[[Any], Any]) -> Callable[..., Any]:
    """Copy a function with `replace` applied to each Triton kernel in its globals.

    The functions of its package that it calls are copied too; a function without Triton kernels is not copied. A cached
    function (counters, tables of rotations) loses its cache, as under torch.compile: what it kept would be a tensor of
    one tracing, and no tensor at all in the next.
    """
    from triton.runtime.autotuner import Autotuner
    from triton.runtime.jit import JITFunction

    package = (run.__module__ or "").partition(".")[0]
    copies: dict[int, Any] = {}

    def copied(function: Any) -> Any:
        if id(function) in copies:
            return copies[id(function)]
        copies[id(function)] = function
        scope = {}
        for name in _names(function.__code__):
            value = kept = function.__globals__.get(name)
            if isinstance(kept, _lru_cache_wrapper):
                value = kept.__wrapped__
            if isinstance(value, (JITFunction, Autotuner)):
                scope[name] = replace(value)
            elif isinstance(value, FunctionType) and (value.__module__ or "").partition(".")[0] == package:
                other = copied(value)
                if other is not kept:
                    scope[name] = other
        if scope:
            made = FunctionType(
                function.__code__, {**function.__globals__, **scope}, function.__name__, function.__defaults__,
                function.__closure__,
            )  # fmt: skip
            made.__kwdefaults__, made.__annotations__ = function.__kwdefaults__, function.__annotations__
            copies[id(function)] = made
        return copies[id(function)]

    return copied(run) if isinstance(run, FunctionType) else run


def _names(code: CodeType) -> set[str]:
    """Names that the code looks up, including those of functions and comprehensions inside of it."""
    inner = (_names(const) for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*inner)
