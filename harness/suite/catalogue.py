"""What exists by name: ops, variants, engines, models, sites. Read from folders and syntax trees, never from torch."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from harness import kernels_root
from harness.errors import HarnessError, allowed
from harness.values.suite import Suite

PHASES = ("decode", "prefill")
NOT_VARIANTS = frozenset({"spec", "reference"})


@dataclass(frozen=True)
class OpSpec:
    """An op as its `spec.py` has it. op: `contract.Op`. cost: dims -> `contract.Cost`. default: variant by phase,
    for arms that choose none. test_shapes: dims."""

    name: str
    op: Any
    cost: Callable[[Mapping[str, int]], Any]
    default: Mapping[str, str]
    test_shapes: tuple[Mapping[str, int], ...]

    @property
    def asks_context(self) -> bool:
        """Whether its time depends on the tokens before: it reads a cache."""
        return any("capacity" in expression for i in self.op.inputs for expression in i.shape)

    @property
    def asks_routing(self) -> bool:
        return any(i.fill == "expert_ids" for i in self.op.inputs)


@dataclass(frozen=True)
class KernelLibrary:
    """The kernels that a suite can name: those of a folder, and files beside the suite. One process may have several,
    of which it can run one: see `kernels_root`.

    root: the folder of kernels. suite_folder: what `./file.py` is relative to.
    """

    root: Path
    suite_folder: Path

    def ops(self) -> tuple[str, ...]:
        return tuple(sorted(spec.parent.name for spec in self.root.glob("*/spec.py")))

    def spec(self, op: str) -> OpSpec:
        """An op's definition; HarnessError where there is no such op."""
        return _spec(kernels_root.package(self.root), self.root, op)

    def architectures(self) -> tuple[str, ...]:
        return tuple(sorted(layout.parent.name for layout in self.root.glob("models/*/layout.py")))

    def layout(self, architecture: str) -> ModuleType:
        """An architecture's `layout`: `DIMS` and `uses(dims, group, dense)`; HarnessError where there is none."""
        if architecture not in self.architectures():
            raise HarnessError(f"unknown architecture {architecture}; {allowed(architecture, self.architectures())}")
        return _read(self.root, f"models.{architecture}.layout", "DIMS", "uses")

    def uses(self, architecture: str, dims: Any, group: int, dense: Any) -> tuple[Any, ...]:
        """Every place of an op in a model (`contract.Use`), then those of composite ops, which an arm may choose."""
        layout = self.layout(architecture)
        composites = layout.composites(dims, group, dense) if hasattr(layout, "composites") else ()
        return (*layout.uses(dims, group, dense), *composites)

    def variants(self, op: str) -> tuple[str, ...]:
        """The variants in the op's own folder."""
        names = (file.stem for file in (self.root / op).glob("*.py"))
        return tuple(sorted(name for name in names if name not in NOT_VARIANTS and not name.startswith("_")))

    def variant_file(self, op: str, variant: str) -> Path | None:
        """The source file of a variant: of the op's folder by name, `./file.py` beside the suite, or a dotted path on
        `sys.path` or beside the suite. None where there is none. Imports nothing."""
        if variant.endswith(".py"):
            file = self.suite_folder / variant
            return file.resolve() if file.is_file() else None
        if "." in variant:
            return _dotted_file(variant, self.suite_folder)
        return self.root / op / f"{variant}.py" if variant in self.variants(op) else None

    def known_file(self, op: str, variant: str) -> Path:
        """The same; HarnessError where there is none."""
        file = self.variant_file(op, variant)
        if file is None:
            raise HarnessError(f"{op}: unknown variant {variant}; {allowed(variant, self.variants(op))}")
        return file


@cache
def _spec(package: str, root: Path, op: str) -> OpSpec:
    names = KernelLibrary(root, root).ops()
    if op not in names:
        raise HarnessError(f"unknown op {op}; {allowed(op, names)}")
    module = _read(root, f"{op}.spec", "OP", "cost", "TEST_SHAPES")
    return OpSpec(op, module.OP, module.cost, getattr(module, "DEFAULT", {}), tuple(module.TEST_SHAPES))


def _read(root: Path, name: str, *needed: str) -> ModuleType:
    """A module without torch that has these names; HarnessError, with its file, for whatever it raises."""
    try:
        module = kernels_root.module(name, root)
        for attribute in needed:
            getattr(module, attribute)
        return module
    except Exception as error:  # a spec is anybody's code, of any revision
        raise HarnessError(f"{root.joinpath(*name.split('.'))}.py: {type(error).__name__}: {error}") from error


def kernels_of(suite: Suite) -> KernelLibrary:
    """The kernels that a suite was checked against."""
    return KernelLibrary(Path(suite.kernels_root), suite.folder)


def bound_kernels(suite_folder: str | Path = ".") -> KernelLibrary:
    """The kernels that this process runs."""
    return KernelLibrary(kernels_root.in_use(), Path(suite_folder))


def ops() -> tuple[str, ...]:
    """The ops that this process runs; so for the other names below."""
    return bound_kernels().ops()


def load_spec(op: str) -> OpSpec:
    return bound_kernels().spec(op)


def load_layout(architecture: str) -> ModuleType:
    return bound_kernels().layout(architecture)


def variants(op: str) -> tuple[str, ...]:
    return bound_kernels().variants(op)


def variant_file(op: str, variant: str, suite_folder: str | Path) -> Path | None:
    return bound_kernels(suite_folder).variant_file(op, variant)


def _dotted_file(dotted: str, suite_folder: Path) -> Path | None:
    """The file of `a.b.c`. Only the outermost package is looked up by the import system, which does not import it."""
    if not all(part.isidentifier() for part in dotted.split(".")):
        return None
    first, *inner, last = dotted.split(".")
    folders = [suite_folder / first]
    spec = None if first in sys.modules and sys.modules[first].__spec__ is None else importlib.util.find_spec(first)
    if spec is not None:
        folders = [*(Path(place) for place in spec.submodule_search_locations or ()), *folders]
    for folder in folders:
        below = folder.joinpath(*inner)
        for file in (below / f"{last}.py", below / last / "__init__.py"):
            if file.is_file():
                return file.resolve()
    return None
