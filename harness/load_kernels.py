"""Names to running code: the only place that imports variants, references and models, and torch through them."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from harness import kernels_root
from harness.errors import HarnessError
from harness.suite.catalogue import bound_kernels, load_layout, load_spec
from harness.suite.signature import read_signature
from harness.values.case import Implementation
from harness.values.measurement import Tolerance

__all__ = [
    "LoadedOp", "LoadedVariant", "ModelModules", "VariantNotLoaded", "load_layout", "load_model", "load_op",
    "load_operands", "load_spec", "load_stress", "load_variant",
]  # fmt: skip


class VariantNotLoaded(HarnessError, ImportError):
    """A variant whose module cannot be imported here; the line names the file and the line that failed."""


@dataclass(frozen=True)
class LoadedOp:
    """op: `contract.Op`. cost: dims -> `contract.Cost`. reference: the float32 definition."""

    name: str
    op: Any
    cost: Callable[[Mapping[str, int]], Any]
    test_shapes: tuple[Mapping[str, int], ...]
    reference: Callable[..., Any]

    def tolerance(self, activations: str) -> Tolerance:
        """How far outputs may be off for activations of that dtype name. Contracts of older revisions know no rows."""
        declared = self.op.tolerance[activations]
        rows = {"row_slack": declared.row_slack} if hasattr(declared, "row_slack") else {}
        return Tolerance(declared.max_error, declared.rms_error, **rows)

    def row_dims(self, name: str) -> int | None:
        """Trailing dimensions of an output or state that make a row; None where the op does not say."""
        found: int | None = getattr(self.op, "row_dims", {}).get(name)
        return found

    def output_dtype(self, name: str, activations: str) -> str:
        """Dtype name of a floating-point output: the activations' unless the op says another. Empty in older revisions,
        whose contract does not say."""
        found: str = self.op.output_dtypes.get(name, activations) if hasattr(self.op, "output_dtypes") else ""
        return found

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of the conditions of `kernels/stress.py` under which the op is checked; none in older revisions."""
        return tuple(getattr(self.op, "stress", ()))


@dataclass(frozen=True)
class LoadedVariant:
    """tunables: every keyword of `run` with its default. source_hash: sha256 of source_text."""

    op: str
    name: str
    run: Callable[..., Any]
    tunables: dict[str, Any]
    supports: Callable[[Any], str | None] | None
    prepare: Callable[[Mapping[str, Any]], dict[str, Any]] | None
    path: Path
    source_text: str
    source_hash: str

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


@cache
def load_op(name: str) -> LoadedOp:
    """An op with its reference; HarnessError where there is none of that name."""
    spec = load_spec(name)
    reference = kernels_root.module(f"{name}.reference")
    return LoadedOp(name, spec.op, spec.cost, spec.test_shapes, reference.run)


def load_stress() -> Any:
    """`kernels/stress.py`: changes the inputs of an op so that they show mistakes."""
    return kernels_root.module("stress")


def load_operands() -> Any:
    """`kernels/operands.py`: makes the inputs of an op."""
    return kernels_root.module("operands")


@cache
def load_model(architecture: str) -> ModelModules:
    """The modules of an architecture; HarnessError where there is none of that name."""
    layout = load_layout(architecture)
    if hasattr(layout, "KIND"):
        return _standard(layout)
    parts = ("layout", "model", "weights", "checkpoint")
    return ModelModules(*(kernels_root.module(f"models.{architecture}.{part}") for part in parts))


def _standard(layout: ModuleType) -> ModelModules:
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


_loaded: dict[tuple[str, Path, str], LoadedVariant] = {}


def load_variant(op: str, name: str, suite_folder: str | Path) -> LoadedVariant:
    """A variant of an op, by the name that an arm uses. A file outside the op's folder that changed since is loaded
    anew.

    Raises HarnessError where there is no such variant or its signature does not fit the op, and VariantNotLoaded where
    importing it fails.
    """
    path = bound_kernels(suite_folder).known_file(op, name)
    text = path.read_text(encoding="utf-8")
    source_hash = hashlib.sha256(text.encode()).hexdigest()
    key = (op, path, source_hash)
    if key not in _loaded:
        signature = read_signature(path, load_spec(op).op)
        module = _import(op, name, path, source_hash, Path(suite_folder))
        _loaded[key] = LoadedVariant(
            op, name, module.run, dict(signature.tunables), getattr(module, "supports", None),
            getattr(module, "prepare", None), path, text, source_hash,
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
    try:
        if name.endswith(".py"):
            return _import_file(op, path, source_hash)
        if "." in name:
            if str(suite_folder) not in sys.path:
                sys.path.append(str(suite_folder))
            return importlib.import_module(name)
        return kernels_root.module(f"{op}.{name}")
    except (Exception, SystemExit) as error:  # whatever a user's file raises is said in one line, with its place
        raise VariantNotLoaded(
            f"{path}:{_line_of(error, path)}: {type(error).__name__}: {_first_line(error)}"
        ) from error


def _import_file(op: str, path: Path, source_hash: str) -> ModuleType:
    """A file under a name of its own, so that neither an installed module nor its former text is taken for it.

    The name is below the op's, so that a copy of one of its variants still finds what it imports from there. What lies
    beside it is found, too, from whatever folder the command was given, after all that is installed.
    """
    load_spec(op)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module_name = f"{kernels_root.NAME}.{op}.from_file_{path.stem}_{source_hash[:12]}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # before it runs: Triton looks a kernel's module up by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def _line_of(error: BaseException, path: Path) -> int:
    """The line of the file that an import failed in."""
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if frames and frames[-1] is not None:
        return frames[-1]
    return (error.lineno or 1) if isinstance(error, SyntaxError) else 1


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]
