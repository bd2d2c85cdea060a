"""What a running program called: kernels, custom ops and modules, with the cases that it called them at."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

KINDS = ("launch", "op", "module")


class RecordedTensor(msgspec.Struct, frozen=True, tag="tensor"):
    """dtype: `bfloat16`. low, high, mean: of the finite values of one call. histogram: of whole numbers, how often each
    from `low` on came in all sampled calls; empty where they spread over too many."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: str
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    histogram: tuple[int, ...] = ()


class RecordedValue(msgspec.Struct, frozen=True, tag="value"):
    """An argument that is no tensor: a number, a word, True, None, or a list of these."""

    value: int | float | bool | str | list[int | float] | None


FLOATS = ("bfloat16", "float16", "float32")


def main_dtype(arguments: Iterable[RecordedTensor | RecordedValue]) -> str:
    found = (value.dtype for value in arguments if isinstance(value, RecordedTensor) and value.dtype in FLOATS)
    return next(found, "float32")


class RecordedCase(msgspec.Struct, frozen=True):
    """Calls of one signature. number: from 1. arguments: by name. grid, constants: of a launch, num_warps and
    num_stages among them. calls: in the sampled steps. samples: calls whose tensors were kept."""

    number: int
    arguments: dict[str, RecordedTensor | RecordedValue]
    calls: int
    samples: int
    grid: tuple[int, ...] = ()
    constants: dict[str, int | float | bool | str | None] = {}


class RecordedOp(msgspec.Struct, frozen=True):
    """name: of its file. called: as the program knows it. file, qualname: where it is written, "" unknown; package: the
    module to import it from, "" where only its text can be taken. parameters: in order, constants left out; written:
    those that a call changes. weights: of a module, its tensors. outputs: tensors that it returns. reason:
    why no op file can be made of it."""

    name: str
    kind: str
    called: str
    file: str
    qualname: str
    package: str
    parameters: tuple[str, ...]
    written: tuple[str, ...]
    cases: tuple[RecordedCase, ...]
    weights: tuple[str, ...] = ()
    outputs: int = 0
    reason: str = ""

    @property
    def dtype(self) -> str:
        """Of its first floating tensor, which a suite's `dtype` stands for."""
        return main_dtype(self.cases[0].arguments.values())


class Recorded(msgspec.Struct, frozen=True):
    """steps: sampled ones, 0 where the program has none; seen: of how many. uncounted: calls that nothing was recorded
    of, by what was called."""

    words: tuple[str, ...]
    ops: tuple[RecordedOp, ...]
    steps: int
    seen: int
    uncounted: dict[str, int] = {}
