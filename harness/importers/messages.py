"""Messages between the command and the worker that runs imported code; the command itself never runs any."""

from __future__ import annotations

import msgspec

from harness.importers.outcome import Checked

SPREAD = "spread"
"""A dim of imported modules: 0, numbers as the problem draws them; 1, without numbers that hide mistakes."""
MOST_S = 150.0
"""A problem that stays silent for this long is given up."""


class ProbeModule(msgspec.Struct, frozen=True, tag=True):
    """Job: run a module with its inputs and return the facts for an op file."""

    text: str
    """Python that defines `Model` and `problem(dims)`, which returns the arguments of `Model` and the function that
    makes the inputs."""
    file: str
    dims: dict[str, int]
    """The sizes of the problem."""
    evaluate: bool = False
    """Whether to run it in evaluation mode."""


class ModuleFacts(msgspec.Struct, frozen=True, tag=True):
    """Facts about a module."""

    refused: str = ""
    """The reason why it makes no op; the rest is then empty."""
    arguments: tuple[str, ...] = ()
    """The arguments of `Model`, as literals."""
    inputs: tuple[str, ...] = ()
    """Its inputs, `float32 [8, 16]` each."""
    outputs: tuple[str, ...] = ()
    """Its outputs, in the same form."""
    tensors: tuple[str, ...] = ()
    """Names of the parameters and buffers that its result depends on."""
    dropped: tuple[str, ...] = ()
    """Buffers that it writes and does not read."""
    unused: tuple[str, ...] = ()
    """Parameters without influence."""
    on_meta: bool = True
    """Whether it can be built without memory."""
    written: tuple[int, ...] = ()
    """Numbers of the inputs that it changes."""
    small: tuple[dict[str, int], ...] = ()
    """Sizes for a CPU, the dims of one shape in each."""
    mirrored: tuple[int, ...] = ()
    """Numbers of the inputs that have no negative values, where they may be drawn otherwise."""
    flat: tuple[str, ...] = ()
    """Parameters of one value, where they may be drawn otherwise."""
    errors: dict[str, tuple[float, float]] = {}
    """By dtype, the largest and rms error of PyTorch's own result relative to float64's."""
    slow: bool = False
    """Whether it is too slow to be checked in another dtype."""


class ProbeOp(msgspec.Struct, frozen=True, tag=True):
    """Job: run the reference of an op file on its inputs."""

    text: str
    file: str
    dims: dict[str, int]
    """All sizes that `inputs` takes."""
    free: tuple[str, ...]
    """Dims that vary from call to call."""


class OpFacts(msgspec.Struct, frozen=True, tag=True):
    """Facts about an op file."""

    refused: str = ""
    """The reason why it makes no op."""
    unchecked: str = ""
    """The reason why nothing was run."""
    varying: tuple[str, ...] = ()
    """The sizes that may change."""
    small: tuple[dict[str, int], ...] = ()
    """Sizes for a CPU."""
    written: tuple[str, ...] = ()
    """Inputs that the reference changes."""


class ProbeInputs(msgspec.Struct, frozen=True, tag=True):
    """Job: make the inputs of an op file at these sizes."""

    text: str
    file: str
    dims: dict[str, int]


class InputKinds(msgspec.Struct, frozen=True, tag=True):
    """The inputs, `float32 [8, 16]` or a literal each: by name, or by number where they have none."""

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
    """The result of a check."""

    refused: str = ""
    """The reason why it is no op, though its file was written."""
    checked: tuple[Checked, ...] = ()
    """Each variant, in each dtype, at each shape."""
