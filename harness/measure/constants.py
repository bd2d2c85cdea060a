"""The numbers behind a verdict: tolerances of the specs, margins and limits of this package."""

from __future__ import annotations

from dataclasses import is_dataclass
from types import ModuleType
from typing import Any

KEPT = (bool, int, float, str, bytes, tuple, frozenset, dict)


class Constants:
    """The constants of a module (names in capitals), as they were."""

    def __init__(self, module: ModuleType, label: str) -> None:
        self._module, self._label = module, label
        self._kept = {
            name: (value, _inside(value)) for name, value in vars(module).items() if _is_constant(name, value)
        }

    def changes(self) -> list[str]:
        """Names of the constants that are other objects or hold other values; each is restored."""
        held, found = vars(self._module), []
        for name, (value, inside) in self._kept.items():
            if held.get(name) is value and (inside is None or _inside(value) == inside):
                continue
            found.append(f"{self._label}.{name}")
            setattr(self._module, name, value)
            _put_back(value, inside)
        return found


def _is_constant(name: str, value: Any) -> bool:
    return name.isupper() and (isinstance(value, KEPT) or (is_dataclass(value) and not isinstance(value, type)))


def _inside(value: Any) -> dict[Any, Any] | None:
    """The parts of a constant that code can change without replacing it: the items of a dict, the fields of an object
    and the items of the dicts among them."""
    if isinstance(value, dict):
        return dict(value)
    if is_dataclass(value):
        return {name: dict(field) if isinstance(field, dict) else field for name, field in vars(value).items()}
    return None


def _put_back(value: Any, inside: dict[Any, Any] | None) -> None:
    if isinstance(value, dict) and inside is not None:
        value.clear()
        value.update(inside)
    elif inside is not None:
        for name, field in inside.items():
            object.__setattr__(value, name, field)
