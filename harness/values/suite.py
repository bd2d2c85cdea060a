"""The contents of a suite file, checked and with inheritance resolved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from harness.values.case import Case, Implementation, Tunables
from harness.values.compilers_asked import CompilersAsked
from harness.values.engine import EngineName
from harness.values.module_model import ModuleChanges, ModuleModel
from harness.values.outside import OutsideEngine

TimerName = Literal["cuda_graph", "events", "cpu"]
"""Each is a module of `harness.device.timers`."""
CLOCKS: tuple[TimerName, ...] = ("cuda_graph", "events", "cpu")
"""The timers that read a clock, which can be checked against the parent's. A timer that counts or computes its times
cannot."""

DtypeName = Literal["bfloat16", "float32", "float16", "float8_e4m3fn", "float8_e5m2", "int8"]
WeightDtypeName = Literal["int4", "int8", "float8_e4m3fn", "float8_e5m2", "mxfp4", "nvfp4"]
MODEL_WEIGHTS: WeightDtypeName = "int4"
"""The storage format of the library's models. The other formats are for ops that make their own weights."""


def _key(description: str | None = None, *, noun: str | None = None, **schema: Any) -> Meta:
    """A key of the file.

    description: One line for editors and errors.
    noun: The name of one of its values, in an error.
    schema: Further keywords of JSON Schema. `minItems` and `minLength` are no `Meta` of the type, since a section that
        is left out may well hold nothing.
    """
    return Meta(description=description, extra={"noun": noun} if noun else None, extra_json_schema=schema or None)


_SOME = {"uniqueItems": True, "minItems": 1}
_Count = Annotated[int, Meta(ge=1, le=65536)]
_Prompt = Annotated[int, Meta(ge=1, le=2**24)]
_Cached = Annotated[int, Meta(ge=0, le=2**24)]
_Op = Annotated[str, _key(noun="op of the model")]
_LinearSite = Annotated[str, _key(noun="site of a linear op")]
_Gate = Annotated[str, _key(noun="gate")]


class Choice(msgspec.Struct, frozen=True):
    """An arm's choice for an op.

    site, phase: None: everywhere else.
    tunables: `tuned`, or values.
    """

    variant: str
    tunables: Tunables | str = {}
    site: str | None = None
    phase: str | None = None


class Arm(msgspec.Struct, frozen=True):
    """One arm with its choices.

    choices: By op. The most specific one matches first: site and phase, site, phase, default.
    changes: Changes to a model that is a torch module.
    module: Another implementation of the suite's model, in place of it.
    """

    name: str
    choices: dict[str, tuple[Choice, ...]]
    changes: ModuleChanges = ModuleChanges()
    module: ModuleModel | None = None

    def choice(self, op: str, site: str, phase: str) -> Choice | None:
        ranked = [c for c in self.choices.get(op, ()) if c.site in (None, site) and c.phase in (None, phase)]
        return max(ranked, key=lambda c: (c.site is not None, c.phase is not None), default=None)


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the weights of the model are made and stored."""

    dtype: Annotated[WeightDtypeName, _key("how matrices are stored", noun="dtype of weights")] = "int4"
    group: Annotated[int, Meta(ge=2, le=2**31 - 1, multiple_of=2), _key("columns that share a scale")] = 128
    source: Annotated[str, _key("random, or the folder of a checkpoint", minLength=1)] = msgspec.field(
        default="random", name="from"
    )
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1), _key("of random weights")] = 0
    dense: Annotated[
        tuple[_LinearSite, ...], _key("linear sites that stay in the activations' dtype", uniqueItems=True)
    ] = ("router", "shared_gate")


class OpSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """The location of an op outside of the library.

    reference, inputs: `/path/file.py:function` or `module:function`. Empty if a `spec.py` in the folder defines it.
    folder: The folder of its variants. Empty for one file.
    origin: Who named it.
    """

    origin: str
    reference: str = ""
    inputs: str = ""
    folder: str = ""


class KernelQuestions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ops that are timed alone, and their sizes."""

    ops: Annotated[tuple[_Op, ...], _key("ops timed alone", uniqueItems=True)]
    tokens: Annotated[tuple[_Count, ...], _key("tokens per call", **_SOME)] = (1,)
    context: Annotated[tuple[_Cached, ...], _key("tokens in the cache already", **_SOME)] = (1024,)


class DecodeQuestions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole model: every batch with every context, and the pairs of `also`."""

    engines: Annotated[tuple[Annotated[EngineName, _key(noun="engine")], ...], _key("how a step is run", **_SOME)] = (
        "cuda_graph",
    )
    batch: Annotated[tuple[_Count, ...], _key("sequences at once", **_SOME)] = (1,)
    context: Annotated[tuple[_Prompt, ...], _key("tokens of the prompt", **_SOME)] = (1024,)
    also: Annotated[
        tuple[Annotated[tuple[_Count, _Prompt], _key(noun="batch and context")], ...],
        _key("more pairs of batch and context, beside every batch with every context", **_SOME),
    ] = ()
    new_tokens: Annotated[int, Meta(ge=1, le=2**20), _key("tokens that are decoded")] = 256
    autotune_list: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=4096)], ...],
        _key("configurations of each kernel that AOTInductor chooses from, a case each", **_SOME),
    ] = ()
    choose: Annotated[
        Literal["inductor", "ours", "both"],
        _key("whose choice a package holds: of the list, the arm's own, or a case each"),
    ] = "inductor"
    compiles: Annotated[int, Meta(ge=1, le=16), _key("times that a package is compiled: are the choices the same?")] = 1

    @property
    def lists(self) -> tuple[int | None, ...]:
        """For each case of an engine that packages, the number of entries that its kernels are chosen from. None: the
        arm's own configurations are compiled in."""
        listed = () if self.choose == "ours" else self.autotune_list
        return (*((None,) if self.choose != "inductor" or not listed else ()), *listed)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(batch, context), each once, in the order of the suite. The first one is profiled."""
        crossed = [(batch, context) for batch in self.batch for context in self.context]
        return tuple(dict.fromkeys([*crossed, *self.also]))


class ForwardQuestions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A torch module without states, called with inputs of the suite's own."""

    inputs: Annotated[str, _key("./file.py:function of batch, dtype, device and seed", minLength=1)]
    """`/path/file.py:name` once the suite is checked."""
    engines: Annotated[tuple[Annotated[EngineName, _key(noun="engine")], ...], _key("how it is run", **_SOME)] = (
        "eager",
    )
    batch: Annotated[tuple[_Count, ...], _key("inputs at once", **_SOME)] = (1,)


class Timing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How ops are timed alone."""

    kind: Annotated[TimerName | None, _key("left out: the device's own", noun="timer", type="string")] = None
    rounds: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)] | None,
        _key("interleaved rounds per process; left out: the timer's own", type="integer"),
    ] = None

    @property
    def reads_clock(self) -> bool:
        return self.kind is None or self.kind in CLOCKS


class ComparePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How two runs of a suite are judged."""

    gate: Annotated[
        tuple[_Gate, ...],
        _key("cases that decide a comparison: decode, prefill, peak_memory, energy, ops", uniqueItems=True),
    ] = ("decode", "peak_memory")
    same_within_percent: Annotated[float, Meta(gt=0), _key("differences below this count as none")] = 1.0
    budget_s: Annotated[float, Meta(gt=0), _key("seconds that a comparison may take")] = 600.0
    setup: Annotated[str, _key("command that prepares a checkout", minLength=1)] = ""


class SweepSpace(msgspec.Struct, frozen=True):
    """Lists per tunable of one variant of one op, and constraints over tunables and axes."""

    op: str
    variant: str
    values: dict[str, tuple[int | float | str | bool | None, ...]]
    where: tuple[str, ...] = ()


class Sections(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a suite file that mean the same in every suite, in the order of the format."""

    version: Annotated[Literal[1], _key("version of this format")] = msgspec.field(name="suite")
    title: Annotated[str, _key("one line", minLength=1)]
    analysis: Annotated[str, _key("prose that the report prints above its tables", minLength=1)] = ""
    model: Annotated[
        str,
        _key(
            "a model of models.yaml, hf:NAME, or ./file.py:function; left out where `shapes` gives the sizes",
            minLength=1,
        ),
    ] = ""
    dtype: Annotated[DtypeName, _key("of activations", noun="dtype")] = "bfloat16"
    weights: Annotated[Weights, _key("the weights of the model")] = Weights()
    routing: Annotated[str, _key("of expert kernels: uniform, skewed, or a file of recorded ids", minLength=1)] = (
        "uniform"
    )
    kernels: Annotated[KernelQuestions | None, _key("ops timed alone, with cold weights", type="object")] = None
    timer: Annotated[Timing, _key("how ops are timed alone")] = Timing()
    decode: Annotated[DecodeQuestions | None, _key("the whole model, end to end", type="object")] = None
    forward: Annotated[ForwardQuestions | None, _key("a torch module without states", type="object")] = None
    energy: Annotated[bool, _key("joules per call and token, too; 12 s and more for each case")] = False
    compilers: Annotated[CompilersAsked, _key("releases of Triton for `harness compilers`")] = CompilersAsked()
    compare: Annotated[ComparePolicy, _key("how two runs of this suite are judged")] = ComparePolicy()


class Suite(Sections, frozen=True, kw_only=True):
    """A suite file, checked against its model and the kernels that it uses."""

    name: str
    path: str
    """The path of the file."""
    text: str
    architecture: str
    dims: dict[str, int | float | str]
    arms: dict[str, Arm]
    kernels_root: str
    """The folder of ops that the suite uses."""
    sweep: tuple[SweepSpace, ...] = ()
    ops: dict[str, OpSource] = {}
    """Ops outside of the library that the suite can name."""
    models: dict[str, str] = {}
    """Architectures outside of the library: the file or folder of each."""
    module: ModuleModel | None = None
    """A model that calls no op by name. `architecture` and `dims` are empty then."""
    shapes: dict[str, tuple[dict[str, int], ...]] = {}
    """By op, every dim of each call that is timed alone and belongs to no model."""
    outside: dict[str, OutsideEngine] = {}
    """By arm, the engine outside of this program. Empty if its own engines do all of the work."""
    stored: str = ""
    """For a suite without a model, the storage format of the weights of these calls. Empty if it does not state one."""

    def is_outside(self, arms: Iterable[str]) -> bool:
        """Whether all of these arms run outside of this program."""
        return bool(self.outside) and all(arm in self.outside for arm in arms)

    @property
    def folder(self) -> Path:
        """The folder that relative names in the file start from."""
        return Path(self.path).parent

    @property
    def dtype_label(self) -> str:
        """Weights and activations of the model, or, without a model, those that the suite states. Empty for engines
        outside of this program."""
        if self.is_outside(self.arms):
            return ""
        stored = f"{self.weights.dtype}-g{self.weights.group}" if self.architecture else self.stored
        return f"{stored}/{self.dtype}" if stored else self.dtype


class CallSite(NamedTuple):
    """The place and phase in which a model calls an op."""

    phase: str
    op: str
    site: str

    @property
    def op_site(self) -> str:
        """`int4_mm@lm_head`."""
        return f"{self.op}@{self.site}"

    @property
    def label(self) -> str:
        """`int4_mm@lm_head:prefill`."""
        return f"{self.op_site}:{self.phase}"


class Plan(msgspec.Struct, frozen=True):
    """The work of a run in its order, decided before the device is touched."""

    suite: Suite
    cases: tuple[Case, ...]
    arms: tuple[str, ...]
    answers: dict[str, dict[CallSite, Implementation]] = {}
    """By arm: every choice of the arm for the whole model, with tuned files read."""
