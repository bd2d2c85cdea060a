"""The contract of an op and a variant. Prose and types only; imports without torch.

An **op** is a folder with `spec.py` (an `OP = Op(...)`, a `cost(dims)` and `TEST_SHAPES`), and `reference.py` (a
`run(...)` in plain PyTorch, computed in float32). A **variant** is any other module of the folder, or a module
elsewhere, with a `run(...)`.

Its positional parameters are the op's inputs, by name and in the order of `Op.inputs`. Its keyword-only parameters are
its tunables, each with a default. It returns the op's output, or a tuple where the op has several, in the activations'
dtype. It allocates its outputs itself, with `torch.empty` where every element gets written. In the decode phase it
synchronises nothing, so that it can be captured in a CUDA graph. It updates the inputs whose role is `state` in place
and changes no other, nor anything beside its operands.

Names in a variant's module that are optional: `supports(case) -> str | None` returns the reason for UNSUPPORTED, else
None. `prepare(inputs) -> dict` repacks weights: it receives the op's `weight`, `pool` and `constant` inputs by name and
returns the replacements of those it repacks. It is never timed. `SPACE` is the author's own sweep space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Dims = Mapping[str, int]
"""Named sizes of one call: `{"tokens": 1, "hidden": 2048, ...}`."""

Role = Literal["activation", "index", "weight", "pool", "cache", "state", "constant"]
"""How an input is treated when a call is repeated.

`activation`: small, produced just before in a real decode, stays in the cache. `index`: integers that choose the rows
that are read (expert ids); drawn anew for every repetition. `weight`: read whole; copies are rotated so that it comes
from memory. `pool`: read in part, as the index says (all experts); never copied. `cache`: left by earlier calls and
read by this one (keys and values); rotated like weights. It is never given to `prepare`: it is other data in every
call. `state`: updated in place; rotated, restored between checks. `constant`: a Python number.
"""

Fill = Literal[
    "normal", "int4", "scale", "expert_ids", "expert_weights", "positions", "norm_weight", "near_one", "a_log",
    "dt_bias", "token_ids", "unit",
]  # fmt: skip
"""The distribution of random test data for an input, made by `operands.py`."""


@dataclass(frozen=True)
class Input:
    """One input of an op.

    `shape`: one entry per dimension, an arithmetic expression over the op's dims (`"hidden // 2"`); empty for a
    constant. `dtype`: `activation` (the suite's dtype), `scale` (the suite's dtype), or a torch dtype by name. `value`:
    for a constant, the dim it takes its value from, or a number.
    """

    name: str
    shape: tuple[str, ...] = ()
    dtype: str = "activation"
    role: Role = "activation"
    fill: Fill = "normal"
    value: str | float | None = None


@dataclass(frozen=True)
class Tolerance:
    """How far an output may be from the reference, relative to the output's own size.

    A call is correct when `max|out - ref| <= max_error * max|ref|` and `rms(out - ref) <= rms_error * rms(ref)`, for
    each output and each state. Both must also hold with `row_slack` times the error for every row alone (see
    `Op.row_dims`), relative to that row's own size. Both errors are far below 1, so that an output of zeros fails, and
    so does one row of zeros beside rows that are a thousand times larger. Integer outputs must be equal.

    `row_slack`: the largest of 8 normal values is 1.4 standard deviations on average, of a million 4.9. A row's errors
    are up to 3.5 times as large relative to the row's maximum as to the tensor's.
    """

    max_error: float
    rms_error: float
    row_slack: float = 4.0


@dataclass(frozen=True)
class Cost:
    """The least work of one call: each byte moved once, however the op is implemented.

    `read_bytes`: weights, scales, activations and state that must be read. `write_bytes`: outputs and state that must
    be written. `flop`: a count of floating-point operations; a multiply-add is two.
    """

    read_bytes: int
    write_bytes: int
    flop: int

    @property
    def bytes(self) -> int:
        return self.read_bytes + self.write_bytes


@dataclass(frozen=True)
class Op:
    """The definition of an op: its inputs, its outputs and its tolerances.

    `outputs`: name and shape of each output, as for inputs; integer outputs are named in `integer_outputs`.
    `tolerance`: by dtype name of the activations (`float32`, `bfloat16`). `replaces`: for a composite op, the ops that
    it replaces, in order of computation. `phases`: those in which a model calls it. `stepwise`: its reference takes
    some kernels for each token, one after the other. `row_dims`: by name of an output or state, how many trailing
    dimensions make a row that must meet the tolerance by itself; by default the fewest that hold 8 values.
    `output_dtypes`: torch dtype by name, of outputs without the activations' dtype. `stress`: conditions of `stress.py`
    that it is checked under beside random numbers, each with the inputs that it changes.
    """

    summary: str
    inputs: tuple[Input, ...]
    outputs: tuple[tuple[str, tuple[str, ...]], ...]
    tolerance: Mapping[str, Tolerance]
    integer_outputs: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    phases: tuple[str, ...] = ("decode", "prefill")
    stepwise: bool = False
    output_dtypes: Mapping[str, str] = field(default_factory=dict)
    row_dims: Mapping[str, int] = field(default_factory=dict)
    stress: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Use:
    """One place of an op in a model: the facts that the plan needs about it.

    `site`: the name of the place (`lm_head`, `gdn_in`; `main` where an op has only one). `calls`: calls per forward
    pass of the whole model. `dims`: the op's named sizes at `tokens=1, batch=1`; the plan sets tokens, batch and
    context. `replaces`: for a composite op, the places (`op@site`) that need no variant where an arm chooses one here.
    A place that an op names at several sites needs none where it is chosen at all of them. `last`: it comes after the
    last hidden state, and a prefill calls it with the last token of each sequence alone.
    """

    op: str
    site: str
    calls: int
    dims: Dims
    replaces: tuple[str, ...] = ()
    last: bool = False

    @property
    def op_site(self) -> str:
        return f"{self.op}@{self.site}"


class Bound(Protocol):
    """An op bound to its site, layer and weights; `phase` is `decode` or `prefill`."""

    def __call__(self, phase: str, *inputs: Any) -> Any: ...

    def covers(self, phase: str) -> bool:
        """Whether it can be called in this phase.

        Every op can, except a composite that the arm does not choose: then the model calls the ops that it would
        replace.
        """
        ...


class Ops(Protocol):
    """The ops that a model receives, already resolved to the variants that an arm names."""

    def bind(self, op: str, site: str, layer: int | None, weights: Mapping[str, Any]) -> Bound:
        """The op at a site; `weights` are its `weight`, `pool` and `constant` inputs by name.

        The bound op is called with the remaining inputs, in the order of `Op.inputs`.
        """
        ...
