"""The static cache of transformers as states: its tensors by name, and its values on the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from harness.errors import CaseFailed

Place = tuple[Any, Any]
"""A dict or list, and the key of a value in it."""


class CacheStates:
    """Every tensor and every number that the layers of a cache hold. `cache`: after its first use, which makes them."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self._places: dict[str, Place] = {}
        self._numbers: dict[str, Place] = {}
        self.tensors: dict[str, Tensor] = {}
        for number, layer in enumerate(cache.layers):
            for name, (holder, key) in _values(vars(layer), str(number)):
                value = holder[key]
                if isinstance(value, Tensor):
                    self.tensors[name], self._places[name] = value, (holder, key)
                else:
                    self._numbers[name] = holder, key

    def check_in_place(self) -> None:
        """Raises CaseFailed for a tensor that a step has replaced.

        A captured graph would go on with the old tensor, and a snapshot could not be restored.
        """
        for name, (holder, key) in self._places.items():
            if holder[key] is not self.tensors[name]:
                raise CaseFailed(f"the cache replaces its tensor {name} in a step; only caches updated in place can be")

    def numbers(self) -> dict[str, int]:
        return {name: holder[key] for name, (holder, key) in self._numbers.items()}

    def set_numbers(self, numbers: dict[str, int]) -> None:
        for name, (holder, key) in self._numbers.items():
            holder[key] = numbers[name]

    def reset(self) -> None:
        """Empty the cache as transformers does: in place, its flags too."""
        self._cache.reset()
        for tensor in self.tensors.values():
            tensor.zero_()


def widen_counters(cache: Any) -> None:
    """Make every tensor of one element that a layer keeps (the length of its sequence) the first of two.

    Inductor takes a buffer of one element that a step writes for a constant (pytorch issue 165444, seen with 2.11 and
    2.13): a step that is compiled ahead of time would stay at its first position.
    """
    for layer in cache.layers:
        names = [name for name, value in vars(layer).items() if isinstance(value, Tensor) and value.dim() == 0]
        for name in names:
            value = vars(layer).pop(name)
            setattr(layer, _wide(name), value.repeat(2))
        layer.__class__ = type(type(layer).__name__, (type(layer),), {name: _first_of(_wide(name)) for name in names})


def _wide(name: str) -> str:
    return f"{name}_and_another"


def _first_of(name: str) -> property:
    return property(lambda layer: getattr(layer, name)[0])


def _values(holder: Any, path: str) -> Iterator[tuple[str, Place]]:
    """Tensors, whole numbers and truth values in nested dicts and lists, each with its place."""
    items = holder.items() if isinstance(holder, dict) else enumerate(holder)
    for key, value in list(items):
        name = f"{path}.{key}"
        if isinstance(value, Tensor | int):  # bool is an int
            yield name, (holder, key)
        elif isinstance(value, dict | list):
            yield from _values(value, name)
