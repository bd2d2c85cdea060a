"""Constants that a verdict is made with: what was changed is named and put back."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from harness.measure.constants import Constants


@dataclass(frozen=True)
class Declared:
    size: int = 3
    limits: dict[str, float] = field(default_factory=lambda: {"float32": 1.0})


@pytest.fixture
def module() -> ModuleType:
    made = ModuleType("some")
    made.__dict__.update(SHARE=0.6, BY_KIND={"gpu": 0.1}, OP=Declared(), NAMES=("a",), kept=[1], Klass=Declared)
    return made


def test_what_is_as_it_was_is_no_change(module: ModuleType) -> None:
    constants = Constants(module, "some")
    module.kept.append(2)
    module.kept = []
    module.LATER = 1.0
    assert constants.changes() == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda m: setattr(m, "SHARE", 0.0), "SHARE"),
        (lambda m: delattr(m, "NAMES"), "NAMES"),
        (lambda m: m.BY_KIND.update(gpu=9.0), "BY_KIND"),
        (lambda m: m.BY_KIND.clear(), "BY_KIND"),
        (lambda m: m.OP.limits.update(float32=9.0), "OP"),
        (lambda m: object.__setattr__(m.OP, "limits", {"float32": 9.0}), "OP"),
        (lambda m: object.__setattr__(m.OP, "size", 9), "OP"),
        (lambda m: setattr(m, "OP", Declared()), "OP"),
    ],
)
def test_a_change_is_named_once_and_put_back(change: Any, name: str, module: ModuleType) -> None:
    constants = Constants(module, "some")
    change(module)
    assert constants.changes() == [f"some.{name}"]
    assert constants.changes() == []
    assert (module.SHARE, module.NAMES, module.BY_KIND) == (0.6, ("a",), {"gpu": 0.1})
    assert (module.OP.size, module.OP.limits) == (3, {"float32": 1.0})
