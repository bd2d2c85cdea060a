"""Between the command and the worker that runs imported code: what a problem does is found out there, never here."""

from __future__ import annotations

import msgspec

from harness.importers.outcome import Checked

SPREAD = "spread"
"""A dim of imported modules: 0, numbers as the problem draws them; 1, without what hides mistakes."""
MOST_S = 150.0
"""A problem that says nothing for so long is given up."""


class ProbeModule(msgspec.Struct, frozen=True, tag=True):
    """Job: run a module with its inputs and say what an op file must know of it. text: Python that defines `Model` and
    `problem(dims)`, which returns the arguments of `Model` and the function that makes the inputs. dims: the sizes of
    the problem. evaluate: in evaluation mode."""

    text: str
    file: str
    dims: dict[str, int]
    evaluate: bool = False


class ModuleFacts(msgspec.Struct, frozen=True, tag=True):
    """What a module is. refused: why it makes no op; the rest is then empty.

    arguments: of `Model`, as literals. inputs, outputs: `float32 [8, 16]` each. tensors: names of the parameters and
    buffers that its result depends on. dropped: buffers that it writes and does not read.
    unused: parameters without influence. on_meta: it can be built
    without memory. written: numbers of the inputs that it changes. small: sizes for a CPU, dims in one shape each.
    mirrored: numbers of the inputs that have no negative values, flat: parameters of one value, where both may be drawn
    otherwise. errors: by dtype, largest and rms error of PyTorch's own result relative to float64's. slow: too slow to
    be checked in another dtype.
    """

    refused: str = ""
    arguments: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    on_meta: bool = True
    written: tuple[int, ...] = ()
    small: tuple[dict[str, int], ...] = ()
    mirrored: tuple[int, ...] = ()
    flat: tuple[str, ...] = ()
    errors: dict[str, tuple[float, float]] = {}
    slow: bool = False


class ProbeOp(msgspec.Struct, frozen=True, tag=True):
    """Job: run the reference of an op file on its inputs. dims: all sizes that `inputs` takes. free: those of them that
    vary from call to call."""

    text: str
    file: str
    dims: dict[str, int]
    free: tuple[str, ...]


class OpFacts(msgspec.Struct, frozen=True, tag=True):
    """What an op file is. refused: why it makes no op. unchecked: why nothing was run. varying: the sizes that may
    change. small: sizes for a CPU."""

    refused: str = ""
    unchecked: str = ""
    varying: tuple[str, ...] = ()
    small: tuple[dict[str, int], ...] = ()
    written: tuple[str, ...] = ()
    """Inputs that the reference changes."""


class ProbeInputs(msgspec.Struct, frozen=True, tag=True):
    """Job: make the inputs of an op file at these sizes."""

    text: str
    file: str
    dims: dict[str, int]


class InputKinds(msgspec.Struct, frozen=True, tag=True):
    """What the inputs are, `float32 [8, 16]` or a literal: by name, or by number where they have none."""

    refused: str = ""
    kinds: dict[str, str] = {}


class CheckOp(msgspec.Struct, frozen=True, tag=True):
    """Job: check an op file's variants against its reference on the CPU, and the reference itself against the module
    that it was made of."""

    name: str
    file: str
    variants: tuple[str, ...]
    dtypes: tuple[str, ...]
    shapes: tuple[dict[str, int], ...]
    module: ProbeModule | None = None


class OpChecked(msgspec.Struct, frozen=True, tag=True):
    """refused: why it is no op, though its file was written. checked: each variant, in each dtype, at each shape."""

    refused: str = ""
    checked: tuple[Checked, ...] = ()
