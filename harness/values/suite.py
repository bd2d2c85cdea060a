"""What a suite file says, checked and with inheritance resolved."""

from __future__ import annotations

import msgspec

from harness.values.case import Answer, Case, Tunables


class Choice(msgspec.Struct, frozen=True):
    """An arm's choice for an op. site and phase None: everywhere else. tunables: `tuned`, or values."""

    variant: str
    tunables: Tunables | str = {}
    site: str | None = None
    phase: str | None = None


class Arm(msgspec.Struct, frozen=True):
    """choices: by op, most specific first matched: site and phase, site, phase, default."""

    name: str
    choices: dict[str, tuple[Choice, ...]]

    def choice(self, op: str, site: str, phase: str) -> Choice | None:
        ranked = [c for c in self.choices.get(op, ()) if c.site in (None, site) and c.phase in (None, phase)]
        return max(ranked, key=lambda c: (c.site is not None, c.phase is not None), default=None)


class Weights(msgspec.Struct, frozen=True):
    """source: `random`, or the folder of a checkpoint. dense: sites whose matrix stays in the activations' dtype."""

    dtype: str = "int4"
    group: int = 128
    source: str = "random"
    seed: int = 0
    dense: tuple[str, ...] = ("router", "shared_gate")


class KernelQuestions(msgspec.Struct, frozen=True):
    """ops: what to time alone; context: tokens already in the cache, for ops that read it."""

    ops: tuple[str, ...] = ()
    tokens: tuple[int, ...] = (1,)
    context: tuple[int, ...] = (1024,)


class DecodeQuestions(msgspec.Struct, frozen=True):
    """Every batch with every context, and the pairs of `also`."""

    engines: tuple[str, ...] = ("cuda_graph",)
    batch: tuple[int, ...] = (1,)
    context: tuple[int, ...] = (1024,)
    new_tokens: int = 256
    also: tuple[tuple[int, int], ...] = ()

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(batch, context), each once, in the order of the suite; the first is the one that is profiled."""
        crossed = [(batch, context) for batch in self.batch for context in self.context]
        return tuple(dict.fromkeys([*crossed, *self.also]))


class SweepSpace(msgspec.Struct, frozen=True):
    """Lists per tunable of one variant of one op, and constraints over tunables and axes."""

    op: str
    variant: str
    values: dict[str, tuple[int | float | str | bool, ...]]
    where: tuple[str, ...] = ()


class ComparePolicy(msgspec.Struct, frozen=True):
    gate: tuple[str, ...] = ("decode", "peak_memory")
    same_within_percent: float = 1.0
    budget_s: float = 600.0
    setup: str = ""


class Suite(msgspec.Struct, frozen=True):
    """path: of the file. folder: what relative names in it are relative to. kernels_root: the folder of ops that it
    uses."""

    name: str
    path: str
    text: str
    title: str
    model: str
    architecture: str
    dims: dict[str, int | float | str]
    arms: dict[str, Arm]
    kernels_root: str
    analysis: str = ""
    dtype: str = "bfloat16"
    weights: Weights = Weights()
    routing: str = "uniform"
    kernels: KernelQuestions | None = None
    decode: DecodeQuestions | None = None
    sweep: tuple[SweepSpace, ...] = ()
    compare: ComparePolicy = ComparePolicy()

    @property
    def dtype_label(self) -> str:
        return f"{self.weights.dtype}-g{self.weights.group}/{self.dtype}"


class Plan(msgspec.Struct, frozen=True):
    """What will be done, in this order, decided before the device is touched."""

    suite: Suite
    cases: tuple[Case, ...]
    arms: tuple[str, ...]
    answers: dict[str, dict[str, Answer]] = {}
    """By arm, then by `op@site:phase`: every choice of the arm for the whole model, tuned files read."""
