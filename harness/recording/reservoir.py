"""The cases of everything that is called, and for each a few random calls with their tensors."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from harness.values.recorded import RecordedCase, RecordedTensor, RecordedValue

MOST_CASES = 64
"""Most cases of one op: with more, its shapes are not the handful for which a kernel is tuned."""
MOST_BINS = 4096
ENOUGH = 256
"""Calls of one function outside of steps; further calls are only counted."""
Sample = dict[str, Tensor]
Signature = tuple[object, ...]


class Case:
    """arguments: of the first call, by name."""

    def __init__(self, number: int, arguments: Mapping[str, Any], grid: tuple[int, ...], constants: Mapping[str, Any]):
        self.number, self.grid, self.constants = number, grid, dict(constants)
        self.arguments = dict(arguments)
        self.described = {name: described(value) for name, value in arguments.items()}
        self.calls = 0
        self.samples: list[Sample] = []
        self.histograms: dict[str, Tensor] = {}

    def record(self) -> RecordedCase:
        found = {name: self._with_histogram(name, value) for name, value in self.described.items()}
        return RecordedCase(self.number, found, self.calls, len(self.samples), self.grid, self.constants)

    def _with_histogram(self, name: str, value: RecordedTensor | RecordedValue) -> RecordedTensor | RecordedValue:
        counts = self.histograms.get(name)
        if counts is None or not isinstance(value, RecordedTensor):
            return value
        used = counts.nonzero().flatten()
        low, high = (int(used[0]), int(used[-1])) if len(used) else (0, 0)
        return RecordedTensor(
            value.shape, value.stride, value.dtype, low, high, value.mean, tuple(counts[low : high + 1].tolist())
        )


class Called:
    """One kernel, op or module of the program."""

    def __init__(self, kind: str, called: str, about: Any) -> None:
        self.kind, self.called, self.about = kind, called, about
        self.cases: dict[Signature, Case] = {}
        self.parameters: tuple[str, ...] = ()
        self.written: set[str] = set()
        self.outside = self.beyond = 0
        self.outputs: int | None = 0
        """Number of tensors that it returns; None where it returns anything else."""


class Reservoir:
    """samples: kept of each case. most_bytes: of all tensors together."""

    def __init__(self, samples: int, most_bytes: int) -> None:
        self._samples, self._left_bytes = samples, most_bytes
        self._random = random.Random(0)  # its own: the program's numbers are not drawn from
        self._lock = threading.Lock()
        self.found: dict[tuple[str, object], Called] = {}

    def called(self, kind: str, key: object, name: str, about: Any) -> Called:
        with self._lock:
            return self.found.setdefault((kind, key), Called(kind, name, about))

    def call(
        self, one: Called, arguments: Mapping[str, Any], run: Callable[[], Any], grid: tuple[int, ...] = (),
        constants: Mapping[str, Any] | None = None, written: frozenset[str] | None = None,
    ) -> Any:  # fmt: skip
        """Run a call and record it. written: the arguments that it changes; None to detect them."""
        with self._lock:
            case = self._case(one, arguments, grid, constants or {})
            keep = case is not None and self._wanted(case, arguments)
        if case is None or not keep:
            return run()
        before = {name: _copy(value) for name, value in arguments.items() if isinstance(value, Tensor)}
        result = run()
        one.outputs = _outputs(result) if one.kind != "launch" else 0
        changed = _changed(arguments, before) if written is None else written
        after = {f"{name}.after": _copy(arguments[name]) for name in changed if isinstance(arguments[name], Tensor)}
        with self._lock:
            one.written |= changed
            self._keep(case, before | after)
        return result

    def forget_calls(self) -> None:
        """Forget the calls of the program's start, which belong to no step."""
        with self._lock:
            for one in self.found.values():
                for case in one.cases.values():
                    case.calls = 0

    def _case(
        self, one: Called, arguments: Mapping[str, Any], grid: tuple[int, ...], constants: Mapping[str, Any]
    ) -> Case | None:
        one.parameters = one.parameters or tuple(arguments)
        key: Signature = (*(_signature(value) for value in arguments.values()), grid, *constants.items())
        case = one.cases.get(key)
        if case is None:
            if len(one.cases) >= MOST_CASES or tuple(arguments) != one.parameters:
                one.beyond += 1
                return None
            case = one.cases[key] = Case(len(one.cases) + 1, arguments, grid, constants)
            case.arguments = {n: v for n, v in arguments.items() if not isinstance(v, Tensor)}
        case.calls += 1
        for name, value in arguments.items():
            if isinstance(value, Tensor) and value.dtype in (torch.int32, torch.int64) and value.numel():
                _count(case, name, value)
        return case

    def _wanted(self, case: Case, arguments: Mapping[str, Any]) -> bool:
        """Each call of a case has the same chance to be among the kept ones."""
        size = sum(value.numel() * value.element_size() for value in arguments.values() if isinstance(value, Tensor))
        if len(case.samples) < self._samples:
            return 2 * size <= self._left_bytes
        return self._random.randrange(max(1, case.calls)) < self._samples

    def _keep(self, case: Case, sample: Sample) -> None:
        size = sum(value.numel() * value.element_size() for value in sample.values())
        if len(case.samples) < self._samples:
            case.samples.append(sample)
            self._left_bytes -= size
        else:
            case.samples[self._random.randrange(self._samples)] = sample


def described(value: Any) -> RecordedTensor | RecordedValue:
    if not isinstance(value, Tensor):
        return RecordedValue(value)
    dtype = str(value.dtype).removeprefix("torch.")
    numbers = value.detach().double() if not value.is_complex() else value.detach().abs().double()
    finite = numbers[torch.isfinite(numbers)]
    some = (finite.min().item(), finite.max().item(), finite.mean().item()) if finite.numel() else (0.0, 0.0, 0.0)
    return RecordedTensor(tuple(value.shape), tuple(value.stride()), dtype, *some)


def _outputs(result: Any) -> int | None:
    parts = result if isinstance(result, tuple | list) else [] if result is None else [result]
    return len(parts) if all(isinstance(part, Tensor) for part in parts) else None


def _signature(value: Any) -> object:
    if isinstance(value, Tensor):
        return (tuple(value.shape), tuple(value.stride()), value.dtype)
    return (type(value), tuple(value) if isinstance(value, list) else value)


def _copy(value: Tensor) -> Tensor:
    return value.detach().to("cpu", copy=True)


def _changed(arguments: Mapping[str, Any], before: Mapping[str, Tensor]) -> frozenset[str]:
    """The arguments that changed, bit for bit: NaN in the same place before and after is no change."""

    def bits(value: Tensor) -> Tensor:
        return value.detach().cpu().reshape(-1).contiguous().view(torch.uint8)

    return frozenset(name for name, old in before.items() if not torch.equal(bits(arguments[name]), bits(old)))


def _count(case: Case, name: str, value: Tensor) -> None:
    low, high = (int(found) for found in value.detach().aminmax())
    if low >= 0 and high < MOST_BINS:
        counts = torch.bincount(value.detach().flatten(), minlength=MOST_BINS).cpu()
        case.histograms[name] = case.histograms.get(name, torch.zeros(MOST_BINS, dtype=torch.int64)) + counts
