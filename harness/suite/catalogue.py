"""Names that a suite can use: ops, variants, engines, models, sites. Read from folders and syntax trees, never from
torch."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from harness import kernels_root
from harness.errors import HarnessError, allowed
from harness.suite import op_sources, own_models
from harness.suite.dotted import dotted_file
from harness.suite.own_op import RUN, OwnOp, read_own_op, variants_in
from harness.suite.own_spec import declared
from harness.suite.signature import Signature, read_signature
from harness.values.suite import OpSource, Suite

PHASES = ("decode", "prefill")
NOT_VARIANTS = frozenset({"spec", "reference"})


@dataclass(frozen=True)
class OpSpec:
    """An op as its `spec.py` declares it."""

    name: str
    op: Any
    """A `contract.Op`."""
    cost: Callable[[Mapping[str, int]], Any] | None
    """Dims -> `contract.Cost`; None where the cost is counted from inputs and outputs."""
    default: Mapping[str, str]
    """Variant by phase, for arms that choose none."""
    test_shapes: tuple[Mapping[str, int], ...]
    """Dims of each."""
    own: OwnOp | None = None
    """The declaration in the files of an op without a `spec.py`."""

    @property
    def asks_context(self) -> bool:
        """Whether its time depends on the tokens before: it reads a cache."""
        return any("capacity" in expression for i in self.op.inputs for expression in i.shape)

    @property
    def asks_routing(self) -> bool:
        return any(i.fill == "expert_ids" for i in self.op.inputs)

    @property
    def dims(self) -> Mapping[str, int | None] | None:
        """The names of its dims, with the defaults of its own; None where it takes any."""
        return self.own.dims if self.own else dict.fromkeys(self.test_shapes[0])


@dataclass(frozen=True)
class KernelLibrary:
    """The kernels that a suite can name: those of a folder, and files beside the suite. One process may have several
    libraries, and can run one of them: see `kernels_root`."""

    root: Path
    """The folder of kernels."""
    suite_folder: Path
    """The folder that `./file.py` is relative to."""
    sources: Mapping[str, OpSource] = field(default_factory=dict)
    """Ops outside of the folder."""
    models: Mapping[str, str] = field(default_factory=dict)
    """The file or folder of each architecture outside of it."""

    def folders(self) -> dict[str, Path]:
        """The ops of the folder of kernels, by name, with the folder of each."""
        names = sorted(os.listdir(self.root)) if self.root.is_dir() else []  # a glob takes ten times longer
        return {name: self.root / name for name in names if os.path.isfile(f"{self.root}/{name}/spec.py")}

    def ops(self) -> tuple[str, ...]:
        return tuple(sorted({*self.folders(), *self.sources}))

    def with_own_found(self, ops: Any = None, models: Any = None) -> KernelLibrary:
        """A copy that knows every op and architecture outside of the folder. ops, models: those nodes of a suite."""
        known = {layout.parent.name: layout.parent for layout in self.root.glob("models/*/layout.py")}
        return KernelLibrary(
            self.root, self.suite_folder, op_sources.find_ops(self.suite_folder, self.root, self.folders(), ops),
            own_models.find_models(self.suite_folder, self.root, known, models),
        )  # fmt: skip

    def spec(self, op: str) -> OpSpec:
        """An op's definition. Raises HarnessError where there is no such op."""
        source = self.sources.get(op)
        if source is None:
            return _spec(kernels_root.package(self.root), self.root, op, self.ops())
        if not source.reference:
            package = kernels_root.op_package(op, Path(source.folder), self.root)
            return _spec_of(op, _loaded(f"{package}.spec", Path(source.folder, "spec.py"), *SPEC_NAMES))
        own = read_own_op(
            op, *(op_sources.function_at(text, self.suite_folder) for text in (source.reference, source.inputs))
        )
        variants = self.variants(op)
        default = dict.fromkeys(PHASES, RUN) if RUN in variants else {}
        usual = {name: value for name, value in (own.dims or {}).items() if value is not None}
        shapes = own.shapes or ((usual,) if own.dims is not None and len(usual) == len(own.dims) else ())
        return OpSpec(op, declared(own, kernels_root.module("contract", self.root)), None, default, shapes, own)

    def architectures(self) -> tuple[str, ...]:
        return tuple(sorted({*(layout.parent.name for layout in self.root.glob("models/*/layout.py")), *self.models}))

    def layout(self, architecture: str) -> Any:
        """An architecture's `layout`: `DIMS`, `problem` and `uses(dims, group, dense)`. Raises HarnessError where there
        is none."""
        if architecture not in self.architectures():
            raise HarnessError(f"unknown architecture {architecture}; {allowed(architecture, self.architectures())}")
        if architecture in self.models:
            path = Path(self.models[architecture])
            module = _loaded(own_models.module_name(architecture, path, self.root), own_models.layout_file(path))
            return own_models.layout_of(module, path, kernels_root.module("contract", self.root))
        return _read(self.root, f"models.{architecture}.layout", "DIMS", "uses")

    def uses(self, architecture: str, dims: Any, group: int, dense: Any) -> tuple[Any, ...]:
        """Every site of an op in a model (`contract.Use`), then those of composite ops, which an arm may choose."""
        layout = self.layout(architecture)
        composites = layout.composites(dims, group, dense) if hasattr(layout, "composites") else ()
        return (*layout.uses(dims, group, dense), *composites)

    def folder(self, op: str) -> Path:
        """The folder of an op's variants, or its file."""
        source = self.sources.get(op)
        if source is None:
            return self.root / op
        if source.folder:
            return Path(source.folder)
        return op_sources.function_at(source.reference, self.suite_folder).file

    def variants(self, op: str) -> tuple[str, ...]:
        """The variants in the op's own folder or file."""
        folder = self.folder(op)
        if folder.is_file():
            return tuple(sorted(variants_in(folder)))
        names = (file.stem for file in folder.glob("*.py"))
        return tuple(sorted(name for name in names if name not in NOT_VARIANTS and not name.startswith("_")))

    def variant_file(self, op: str, variant: str) -> Path | None:
        """The source file of a variant: of the op's folder or file by name, `./file.py` beside the suite, or a dotted
        path on `sys.path` or beside the suite. None where there is none. Imports nothing."""
        if variant.endswith(".py"):
            file = self.suite_folder / variant
            return file.resolve() if file.is_file() else None
        if "." in variant:
            return dotted_file(variant, self.suite_folder)
        if variant not in self.variants(op):
            return None
        folder = self.folder(op)
        return folder if folder.is_file() else folder / f"{variant}.py"

    def known_file(self, op: str, variant: str) -> Path:
        """The source file of a variant. Raises HarnessError where there is none."""
        file = self.variant_file(op, variant)
        if file is None:
            raise HarnessError(f"{op}: unknown variant {variant}; {allowed(variant, self.variants(op))}")
        return file

    def definition(self, op: str) -> tuple[Path, ...]:
        """The files that declare an op: its spec, or those of its reference and inputs."""
        source = self.sources.get(op)
        if source is None or not source.reference:
            return (self.folder(op) / "spec.py",)
        texts = (source.reference, source.inputs)
        return tuple(dict.fromkeys(op_sources.function_at(text, self.suite_folder).file for text in texts))

    def function(self, op: str, variant: str) -> str:
        """The name of a variant's function: `run`, except for variants in an op's own file."""
        return variant if self.folder(op).is_file() and variant in self.variants(op) else RUN

    def tuned_beside(self, op: str) -> dict[str, Path]:
        """The keyword that gives `kernels/tuned.py` the folder of an op outside of the folder of kernels."""
        if op not in self.sources:
            return {}
        folder = self.folder(op)
        return {"op_folder": folder.parent if folder.is_file() else folder}

    def signature(self, op: str, variant: str) -> Signature:
        """Inputs and tunables of a variant, checked against the op. Raises HarnessError where there is none or they do
        not fit."""
        return read_signature(self.known_file(op, variant), self.spec(op).op, self.function(op, variant))


SPEC_NAMES = ("OP", "cost", "TEST_SHAPES")


@cache
def _spec(package: str, root: Path, op: str, names: tuple[str, ...]) -> OpSpec:
    if op not in KernelLibrary(root, root).ops():
        raise HarnessError(f"unknown op {op}; {allowed(op, names)}")
    return _spec_of(op, _read(root, f"{op}.spec", *SPEC_NAMES))


def _spec_of(op: str, module: ModuleType) -> OpSpec:
    return OpSpec(op, module.OP, module.cost, getattr(module, "DEFAULT", {}), tuple(module.TEST_SHAPES))


def _read(root: Path, name: str, *needed: str) -> ModuleType:
    """A module without torch that has these names. Raises HarnessError, with the file, for any exception of the
    module."""
    return _loaded(f"{kernels_root.package(root)}.{name}", root.joinpath(*name.split(".")).with_suffix(".py"), *needed)


def _loaded(name: str, file: Path, *needed: str) -> ModuleType:
    try:
        module = importlib.import_module(name)
        for attribute in needed:
            getattr(module, attribute)
        return module
    except Exception as error:  # a spec is anybody's code, of any revision
        raise HarnessError(f"{file}: {type(error).__name__}: {error}") from error


_bound: dict[str, OpSource] = {}
"""The ops outside of the library that this process runs."""
_bound_models: dict[str, str] = {}
"""The architectures outside of the library that this process runs: the file or folder of each."""


def bound_ops() -> dict[str, OpSource]:
    """The ops outside of the library that this process runs."""
    return dict(_bound)


def bind_ops(sources: Mapping[str, OpSource], models: Mapping[str, str] | None = None) -> None:
    """Make these ops and architectures known by name to this process, beside those of the folder of kernels."""
    _bound.update(sources)
    _bound_models.update(models or {})


def kernels_of(suite: Suite) -> KernelLibrary:
    """The kernels that a suite was checked against."""
    return KernelLibrary(Path(suite.kernels_root), suite.folder, suite.ops, suite.models)


def bound_kernels(suite_folder: str | Path = ".") -> KernelLibrary:
    """The kernels that this process runs."""
    return KernelLibrary(kernels_root.in_use(), Path(suite_folder), bound_ops(), dict(_bound_models))


def ops() -> tuple[str, ...]:
    """The ops that this process runs. The functions below give the library's answers for this process likewise."""
    return bound_kernels().ops()


def load_spec(op: str) -> OpSpec:
    return bound_kernels().spec(op)


def load_layout(architecture: str) -> Any:
    return bound_kernels().layout(architecture)


def variants(op: str) -> tuple[str, ...]:
    return bound_kernels().variants(op)


def variant_file(op: str, variant: str, suite_folder: str | Path) -> Path | None:
    return bound_kernels(suite_folder).variant_file(op, variant)
