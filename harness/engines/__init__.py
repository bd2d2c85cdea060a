"""The engines that a suite may name: ways to execute a decode step.

Each is a module of this folder, named once in `harness.values.engine.EngineName`. It has `FACTS`, an `EngineFacts`, and
`make(step, device) -> Engine`. It imports torch inside `make` only: plans and reports read facts without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, get_args

from harness.values.engine import EngineFacts, EngineName

if TYPE_CHECKING:
    from torch import Tensor

    from harness.decode.step import Step
    from harness.device.device import Device

ENGINES: tuple[str, ...] = get_args(EngineName)
EAGER = "eager"
"""The engine that runs anywhere; every prefill and a profile's scopes use it."""


class Engine(Protocol):
    """A decode step made ready."""

    capture_s: float
    """Seconds that making it ready took."""
    extra_bytes: int
    """Memory that it holds beyond the step's own."""

    def run(self) -> Tensor:
        """Execute one step and return its logits [batch, vocab]; the next call may overwrite them."""
        ...


class YieldsSamples(Engine, Protocol):
    """An engine with `FACTS.yields_samples`: it times itself."""

    def time_us(self, steps: int) -> float:
        """Execute `steps` steps; return microseconds for all of them."""
        ...


class TracesItself(Engine, Protocol):
    """An engine with `FACTS.traces_itself`: torch's profiler sees one call of it, and nothing inside."""

    def trace(self, steps: int) -> str:
        """The text of a Chrome trace of the next `steps` steps."""
        ...


def engine_facts(name: str) -> EngineFacts:
    """The facts of an engine.

    A stored run may name an engine that this version lacks: it counts as one with kernels of its own, of which nothing
    else is known.
    """
    if name not in ENGINES:
        return EngineFacts(fuses=True)
    facts: EngineFacts = import_module(f"{__name__}.{name}").FACTS
    return facts


def same_kernels(one: str, other: str) -> bool:
    """Whether the steps of two engines launch the same kernels: the arm's own, or those of one engine."""
    return one == other or not (engine_facts(one).fuses or engine_facts(other).fuses)


def make_engine(name: str, step: Step, device: Device) -> Engine:
    """The engine over a step. Making it may run steps; the caller rewinds afterwards."""
    engine: Engine = import_module(f"{__name__}.{name}").make(step, device)
    return engine
