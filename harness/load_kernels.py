"""Names to running code: the only place that imports variants, references and models, and torch through them."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from harness import kernels_root
from harness.import_variant import VariantNotLoaded, import_file, not_loaded
from harness.suite import own_models
from harness.suite.catalogue import OpSpec, bound_kernels, load_layout, load_spec
from harness.suite.own_op import RUN, Function
from harness.suite.own_spec import NARROW, default_tolerance
from harness.values.case import Implementation
from harness.values.measurement import Tolerance

__all__ = [
    "LoadedOp", "LoadedVariant", "ModelModules", "VariantNotLoaded", "load_layout", "load_model", "load_op",
    "load_operands", "load_spec", "load_stress", "load_variant",
]  # fmt: skip


@dataclass(frozen=True)
class LoadedOp:
    """An op with its reference and inputs.

    op: `contract.Op`.
    cost: dims -> `contract.Cost`. None if it is counted from inputs and outputs.
    reference: The float32 definition.
    inputs: The function that makes the inputs of an op outside of the library. None if `kernels/operands.py` does.
    """

    name: str
    op: Any
    cost: Callable[[Mapping[str, int]], Any] | None
    test_shapes: tuple[Mapping[str, int], ...]
    reference: Callable[..., Any]
    inputs: Callable[..., Any] | None = None
    own_tolerance: frozenset[str] = frozenset()
    """Dtypes for which an op outside of the library states its own tolerance, alone or as pairs (`mxfp4/bfloat16`)."""
    weights: str = ""
    """The storage format of these calls' weights."""

    def tolerance(self, activations: str, dims: Mapping[str, int] | None = None) -> Tolerance:
        """The tolerance of outputs for activations of that dtype name. If the op states none, no sum is taken to be
        longer than its largest dim. Contracts of older revisions know no rows."""
        pair = f"{self.weights}/{activations}"
        said = pair if pair in self.op.tolerance else activations
        if self.inputs is not None and said not in self.own_tolerance:
            usual = default_tolerance(activations, max((dims or {}).values(), default=1))
            return Tolerance(*usual, rounds_narrowly=True)
        declared = self.op.tolerance[said]
        rows = {"row_slack": declared.row_slack} if hasattr(declared, "row_slack") else {}
        return Tolerance(declared.max_error, declared.rms_error, **rows)

    def row_dims(self, name: str) -> int | None:
        """Trailing dimensions of an output or state that make a row. None if the op does not state them."""
        found: int | None = getattr(self.op, "row_dims", {}).get(name)
        return found

    def output_dtype(self, name: str, activations: str) -> str:
        """Dtype name of a floating-point output: the activations' unless the op states another. Empty in older
        revisions, whose contract states none."""
        usual = "bfloat16" if activations in NARROW else activations
        found: str = self.op.output_dtypes.get(name, usual) if hasattr(self.op, "output_dtypes") else ""
        return found

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of the conditions of `kernels/stress.py` under which the op is checked. Empty in older revisions."""
        return tuple(getattr(self.op, "stress", ()))


@dataclass(frozen=True)
class LoadedVariant:
    """A variant of an op as it is run.

    tunables: Every keyword of `run` with its default.
    source_hash: sha256 of source_text.
    """

    op: str
    name: str
    run: Callable[..., Any]
    tunables: dict[str, Any]
    supports: Callable[[Any], str | None] | None
    prepare: Callable[[Mapping[str, Any]], dict[str, Any]] | None
    path: Path
    source_text: str
    source_hash: str
    function: str = RUN
    """Its name in the file."""
    space: Any = None
    """`SPACE` of its author, as the module has it."""

    def tunables_of(self, answer: Implementation | None) -> dict[str, Any]:
        """The keywords of a call: an answer's choices over the defaults."""
        return {**self.tunables, **(answer.tunables if answer else {})}


@dataclass(frozen=True)
class ModelModules:
    """The modules of an architecture."""

    layout: Any
    model: Any
    weights: Any
    checkpoint: Any


def load_op(name: str, weights: str = "") -> LoadedOp:
    """An op with its reference. Raises HarnessError if there is none of that name.

    weights: The storage format of the weights that an op outside of the library makes.
    """
    source = bound_kernels().sources.get(name)
    if source is not None and source.reference:
        return replace(_load_own(load_spec(name)), weights=weights)
    return _load_op(name, Path(source.folder) if source else None)


@cache
def _load_op(name: str, folder: Path | None) -> LoadedOp:
    spec = load_spec(name)
    if folder is None:
        reference = kernels_root.module(f"{name}.reference")
    else:
        reference = importlib.import_module(f"{kernels_root.op_package(name, folder)}.reference")
    return LoadedOp(name, spec.op, spec.cost, spec.test_shapes, reference.run)


def _load_own(spec: OpSpec) -> LoadedOp:
    own = spec.own
    assert own is not None
    module = _module_of(own.name, own.reference)
    cost = getattr(module, "cost", None) if own.has_cost else None
    reference = getattr(module, own.reference.name)
    return LoadedOp(
        own.name, spec.op, cost and _checked_cost(cost), spec.test_shapes, reference,
        getattr(_module_of(own.name, own.inputs), own.inputs.name), frozenset(own.tolerance),
    )  # fmt: skip


def _checked_cost(cost: Callable[..., Any]) -> Callable[[Mapping[str, int]], Any]:
    """An op's own `cost(dims)`, which may return (bytes read, bytes written, flop)."""
    made = kernels_root.module("contract").Cost

    def counted(dims: Mapping[str, int]) -> Any:
        found = cost(dims)
        return made(*(int(value) for value in found)) if isinstance(found, tuple) else found

    return counted


def _module_of(op: str, function: Function) -> ModuleType:
    """The module of an op's function, imported once for a text of its file."""
    where = function.source.rpartition(":")[0]
    source_hash = hashlib.sha256(function.file.read_bytes()).hexdigest()
    try:
        if where.endswith(".py"):
            return import_file(op, function.file, source_hash)
        return importlib.import_module(where)
    except (Exception, SystemExit) as error:  # whatever a user's file raises is said in one line, with its place
        raise not_loaded(function.file, error) from error


def load_stress() -> Any:
    """`kernels/stress.py`, which changes the inputs of an op so that they reveal mistakes."""
    return kernels_root.module("stress")


def load_operands() -> Any:
    """`kernels/operands.py`, which makes the inputs of an op."""
    return kernels_root.module("operands")


@cache
def load_model(architecture: str) -> ModelModules:
    """The modules of an architecture. Raises HarnessError if there is none of that name."""
    layout, own = load_layout(architecture), bound_kernels().models.get(architecture)
    if own is not None:
        return _own_model(architecture, layout, Path(own))
    if hasattr(layout, "KIND"):
        return _standard(layout)
    parts = ("layout", "model", "weights", "checkpoint")
    return ModelModules(*(kernels_root.module(f"models.{architecture}.{part}") for part in parts))


def _own_model(name: str, layout: Any, path: Path) -> ModelModules:
    """An architecture outside of the library: one file, or a folder with the same modules as one of the library's."""
    if hasattr(layout, "KIND"):
        return _standard(layout)

    def part(of: str) -> Any:
        return importlib.import_module(own_models.module_name(name, path, kernels_root.in_use(), of))

    try:
        model, weights = part("model"), part("weights")
        has_loader = path.is_file() or (path / "checkpoint.py").is_file()
        checkpoint = part("checkpoint") if has_loader else SimpleNamespace()
    except (Exception, SystemExit) as error:  # whatever a user's file raises is said in one line, with its place
        raise not_loaded(path, error) from error

    def no_checkpoint(*_: Any, **__: Any) -> None:
        raise ValueError(f"{path} reads no checkpoints: it has no function load(folder, dims, dtype, device)")

    return ModelModules(
        layout,
        SimpleNamespace(build=own_models.accepted(model.build)),
        SimpleNamespace(random_weights=own_models.accepted(weights.random_weights)),
        SimpleNamespace(
            load=own_models.accepted(getattr(checkpoint, "load", no_checkpoint)),
            CheckpointError=getattr(checkpoint, "CheckpointError", ValueError),
        ),
    )


def _standard(layout: Any) -> ModelModules:
    """An architecture that is a layout alone: the modules of `models/standard` with its kind filled in."""
    model, weights, checkpoint = (
        kernels_root.module(f"models.standard.{part}") for part in ("model", "weights", "checkpoint")
    )
    kind = layout.KIND
    return ModelModules(
        layout,
        SimpleNamespace(build=partial(model.build, kind)),
        SimpleNamespace(random_weights=partial(weights.random_weights, kind)),
        SimpleNamespace(load=partial(checkpoint.load, kind), CheckpointError=checkpoint.CheckpointError),
    )


_loaded: dict[tuple[str, Path, str, str], LoadedVariant] = {}


def load_variant(op: str, name: str, suite_folder: str | Path) -> LoadedVariant:
    """A variant of an op, by the name that an arm uses. A file outside of the op's folder is loaded anew if it has
    changed.

    Raises HarnessError if there is no such variant or its signature does not fit the op, and VariantNotLoaded if its
    import fails.
    """
    library = bound_kernels(suite_folder)
    path, function = library.known_file(op, name), library.function(op, name)
    text = path.read_text(encoding="utf-8")
    source_hash = hashlib.sha256(text.encode()).hexdigest()
    key = (op, path, function, source_hash)
    if key not in _loaded:
        signature = library.signature(op, name)
        module = _import(op, name, path, source_hash, Path(suite_folder))
        beside = function.removeprefix(RUN)  # `prepare_fast` of `run_fast`
        _loaded[key] = LoadedVariant(
            op, name, getattr(module, function), dict(signature.tunables), getattr(module, f"supports{beside}", None),
            getattr(module, f"prepare{beside}", None), path, text, source_hash, function,
            getattr(module, f"SPACE{beside}", None),
        )  # fmt: skip
    return _loaded[key]


def loaded_files() -> tuple[str, ...]:
    """The resolved files of all kernels, models and variants that this process has imported."""
    modules = [module for name, module in sys.modules.items() if name.startswith(kernels_root.NAME + ".")]
    files = {str(Path(module.__file__).resolve()) for module in modules if module.__file__}
    return tuple(sorted(files | {str(file) for file in loaded_variants()}))


def loaded_variants() -> tuple[Path, ...]:
    """The resolved files of the variants that this process has imported."""
    return tuple(variant.path.resolve() for variant in _loaded.values())


def _import(op: str, name: str, path: Path, source_hash: str, suite_folder: Path) -> ModuleType:
    source = bound_kernels().sources.get(op)
    try:
        if name.endswith(".py"):
            return import_file(op, path, source_hash)
        if "." in name:
            if str(suite_folder) not in sys.path:
                sys.path.append(str(suite_folder))
            return importlib.import_module(name)
        if source is None:
            return kernels_root.module(f"{op}.{name}")
        if source.folder:
            return importlib.import_module(f"{kernels_root.op_package(op, Path(source.folder))}.{name}")
        own = load_spec(op).own
        assert own is not None
        return _module_of(op, own.reference)
    except VariantNotLoaded:
        raise
    except (Exception, SystemExit) as error:  # whatever a user's file raises is said in one line, with its place
        raise not_loaded(path, error) from error
