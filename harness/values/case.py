"""A case: one question, and the answer that an arm gives to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Tunables = dict[str, int | float | str | bool | None]
AxisValue = int | str

AXIS_DEFAULTS: dict[str, AxisValue] = {"batch": 1, "tokens": 1, "routing": "uniform"}
"""Axes at these values stay out of ids, so that a new axis orphans no history. context, n and k have no default."""

SHAPE_SITE = "shape"
"""Site of a call that belongs to no model."""
ONLY_SITES = ("main", "experts", "tokens", SHAPE_SITE)
"""Sites of ops that have one place in a model, or none."""

AXIS_ORDER = ("batch", "context", "tokens", "n", "k", "routing", "new_tokens", "entries")


class Implementation(msgspec.Struct, frozen=True):
    """The choice of an arm for an op at a site in a phase.

    variant: A module of the op's folder, a dotted path or a file.
    tunables: The values that differ from the variant's defaults or were given. After resolution, all that are known.
    origin: `suite`, or the tuned file that they come from.
    """

    variant: str
    tunables: Tunables = {}
    origin: str = "suite"

    @property
    def label(self) -> str:
        if not self.tunables:
            return self.variant
        return f"{self.variant}({', '.join(f'{name}={value}' for name, value in sorted(self.tunables.items()))})"

    def changes(self, other: Implementation) -> tuple[str, ...]:
        """`block_n 8 -> 16` for each tunable that differs."""
        ours, theirs = self.tunables, other.tunables
        return tuple(
            f"{name} {ours.get(name, 'unset')} -> {theirs.get(name, 'unset')}"
            for name in dict.fromkeys((*ours, *theirs))
            if ours.get(name) != theirs.get(name)
        )


UNITS = {"kernel": "us/call", "decode": "us/step", "prefill": "us/pass"}
"""Unit of one sample, by the kind of a case. A figure has its own."""


class Case(msgspec.Struct, frozen=True):
    """One question with one answer.

    kind: `kernel` (an op alone), `decode` or `prefill` (the whole model), `figure` (a number from outside of this
        program).
    op: The op of a kernel case, or the name of a figure.
    site: Kernel cases only.
    engine: All cases but kernels.
    dtype: Weights and activations as the suite names them (`int4-g128/bfloat16`).
    axes: The dimensions of the question.
    dims: The op's named sizes, for kernels.
    calls: Calls per decoded token if the model is known.
    answer: Kernel cases only.
    same_as: The id of a case of an earlier arm with the same answer, which is measured in its place.
    problem: The reason why the case cannot be run at all, such as a missing tuned file. Such a case is stored as
        UNSUPPORTED and never started.
    replaces: For a composite op, the places (`op@site`) whose ops are not called if it is used.
    """

    kind: Literal["kernel", "decode", "prefill", "figure"]
    arm: str
    dtype: str
    axes: dict[str, AxisValue]
    op: str | None = None
    site: str | None = None
    engine: str | None = None
    dims: dict[str, int] = {}
    calls: int = 0
    answer: Implementation | None = None
    same_as: str | None = None
    problem: str | None = None
    replaces: tuple[str, ...] = ()
    tunables_in_id: bool = False
    """True in a sweep, because the tunables are part of its question."""
    figure_unit: str = ""
    """Unit of a figure's sample: `us`, `us/token`, `MiB`."""

    @property
    def op_site(self) -> str:
        return f"{self.op}@{self.site}"

    @property
    def unit(self) -> str:
        """The unit of one sample."""
        return self.figure_unit or UNITS.get(self.kind, "")

    @property
    def gate(self) -> str:
        """The word in a suite that makes the case's time decide a comparison: the op, the figure, `decode` or
        `prefill`."""
        return (self.op or "") if self.kind in ("kernel", "figure") else self.kind

    @property
    def metric(self) -> str:
        """The metric of a verdict on its samples: `kernel_us`; `figure` for a number that is no time."""
        return "figure" if self.kind == "figure" and not self.figure_unit.startswith("us") else f"{self.kind}_us"

    @property
    def label(self) -> str:
        """The op, with its site if a model calls it at several."""
        return (self.op or "") if self.site in (None, "", *ONLY_SITES) else self.op_site

    @property
    def op_sites(self) -> frozenset[str]:
        """The places of a kernel case in a model: its own, or those that it replaces."""
        return frozenset(self.replaces or (self.op_site,))

    @property
    def question(self) -> str:
        """The id without the arm. It joins two arms of one run, or one arm of two runs."""
        head = self.op_site if self.kind == "kernel" else f"{self.op or self.kind}@{self.engine}"
        return "/".join(part for part in (head, self.dtype, axes_text(self.axes)) if part)

    @property
    def variant(self) -> str:
        """The variant that answers a kernel case."""
        assert self.answer is not None
        return self.answer.variant

    @property
    def tunables(self) -> Tunables:
        """The tunables of that variant."""
        assert self.answer is not None
        return self.answer.tunables

    @property
    def implementation(self) -> str:
        """Op and variant whose source text answers the case: `int4_mm/triton_vecmat`."""
        return f"{self.op}/{self.variant}"

    @property
    def routing(self) -> str:
        """The distribution of an expert op's tokens over the experts."""
        return str(self.axes.get("routing", AXIS_DEFAULTS["routing"]))

    @property
    def activations(self) -> str:
        """The dtype of the activations: `bfloat16` in `int4-g128/bfloat16`."""
        return self.dtype.rsplit("/", 1)[-1]

    @property
    def weights(self) -> str:
        """The storage format of the weights: `mxfp4` in `mxfp4/bfloat16`. Empty if the case does not state it."""
        return self.dtype.rpartition("/")[0]

    @property
    def id(self) -> str:
        """Readable and stable: `moe_gate_up@experts/int4-g128/bfloat16/baseline`."""
        parts = [self.question, self.arm]
        if self.tunables_in_id and self.answer is not None:
            parts.append(self.answer.label)
        return "/".join(parts)


def same_shape(kernel: Mapping[str, AxisValue], step: Mapping[str, AxisValue]) -> bool:
    """Whether a kernel's axes match a decode step: the number of tokens, and the context if the kernel has one."""
    return kernel.get("tokens", 1) == step.get("batch", 1) and kernel.get("context") in (None, step.get("context"))


def axes_text(axes: Mapping[str, AxisValue]) -> str:
    """`context=1024,batch=8`: axes in a fixed order, without those at their default."""
    known = [name for name in AXIS_ORDER if name in axes] + sorted(set(axes) - set(AXIS_ORDER))
    return ",".join(f"{name}={axes[name]}" for name in known if axes[name] != AXIS_DEFAULTS.get(name))
