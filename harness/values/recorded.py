"""The calls of a running program: kernels, custom ops and modules, with the cases that it called them at."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

KINDS = ("launch", "op", "module")


class RecordedTensor(msgspec.Struct, frozen=True, tag="tensor"):
    """A tensor argument of a call.

    dtype: `bfloat16`.
    low, high, mean: Over the finite values of one call.
    histogram: For whole numbers, the count of each value from `low` on in all sampled calls. Empty if they spread over
        too many values.
    """

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
    """Calls of one signature.

    number: From 1.
    arguments: By name.
    grid, constants: For a launch. The constants include num_warps and num_stages.
    calls: In the sampled steps.
    samples: Calls whose tensors were kept.
    """

    number: int
    arguments: dict[str, RecordedTensor | RecordedValue]
    calls: int
    samples: int
    grid: tuple[int, ...] = ()
    constants: dict[str, int | float | bool | str | None] = {}


class RecordedOp(msgspec.Struct, frozen=True):
    """A kernel, custom op or module that the program called.

    name: The name of its file.
    called: The name that the program uses.
    file, qualname: The place of its definition. "" if unknown.
    package: The module to import it from. "" if only its text can be taken.
    parameters: In order, constants left out.
    written: Parameters that a call changes.
    weights: Tensors of a module.
    outputs: Number of tensors that it returns.
    reason: The reason why no op file can be made of it.
    """

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
        """The dtype of its first floating-point tensor. A suite's `dtype` stands for it."""
        return main_dtype(self.cases[0].arguments.values())


class Recorded(msgspec.Struct, frozen=True):
    """The recording of one program.

    steps: Sampled steps. 0 if the program has none.
    seen: Steps that the samples were taken from.
    uncounted: Calls that were not recorded, by the name that was called.
    """

    words: tuple[str, ...]
    ops: tuple[RecordedOp, ...]
    steps: int
    seen: int
    uncounted: dict[str, int] = {}
