"""What counts as a change to the process that judges, and what Python itself does when a module is looked at."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch

from harness.device.cpu import CpuDevice
from harness.measure.integrity import Watch, _Owner

NAME = "harness_kernels.of_a_test"


class Above:
    weight: float


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A kernel's module that was loaded before another kernel, with a class in it."""
    made = ModuleType(NAME)
    vars(made)["Below"] = type("Below", (Above,), {"__module__": NAME})
    monkeypatch.setitem(sys.modules, NAME, made)
    yield made


def test_to_read_annotations_is_no_change(module: ModuleType) -> None:
    """Python makes them when `inspect` or a compiler asks; they stand before nothing that a kernel calls."""
    watch = Watch(CpuDevice())
    assert module.__annotations__ == {} and "__annotations__" in vars(module)
    assert module.Below.__annotations__ == {} and "__annotations__" in vars(module.Below)
    assert watch.changes() == []


@pytest.mark.parametrize("name", ["sum", "__import__"])
def test_a_builtin_that_is_hidden_is_said_and_put_back(name: str, module: ModuleType) -> None:
    """A name in another kernel's module stands before the built-in function that it calls."""
    watch = Watch(CpuDevice())
    vars(module)[name] = print
    assert watch.changes() == [f"replaced {NAME}.{name}"]
    assert name not in vars(module)
    assert watch.changes() == []


def test_a_function_that_torch_wraps_itself_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """`torch.compile` wraps torch.manual_seed when it is first used; a function of somebody else's is a change, also
    one that wraps it."""
    seed = torch.manual_seed
    monkeypatch.setattr(torch, "manual_seed", seed)
    owner = _Owner(torch, "torch")
    torch.manual_seed = torch._disable_dynamo(seed)
    assert list(owner.changes()) == [] and torch.manual_seed is not seed
    torch.manual_seed = torch._disable_dynamo(torch.rand)
    assert list(owner.changes()) == ["replaced torch.manual_seed"]
    torch.manual_seed = lambda number: seed(1)
    assert list(owner.changes()) == ["replaced torch.manual_seed"]


def test_a_name_of_its_own_is_no_change(module: ModuleType) -> None:
    """A module may keep what it computed."""
    watch = Watch(CpuDevice())
    vars(module)["kept"] = print
    assert watch.changes() == []


def test_torch_leaves_no_thread_of_a_bar_that_it_hides() -> None:
    """torch.fx makes one of tqdm's bars for each graph that it interprets, and tqdm a thread for the first bar."""
    watch = Watch(CpuDevice())
    assert torch.fx.Interpreter(torch.fx.symbolic_trace(torch.nn.ReLU())).run(torch.ones(2)).sum() == 2
    assert watch.changes() == []
