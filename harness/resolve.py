"""Names become code here and nowhere else: ops, variants and models of the bound folder, and variants from outside."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from harness import kernels_root
from harness.errors import HarnessError
from harness.suite.signature import read_signature

if TYPE_CHECKING:
    from harness_kernels.contract import Cost, Op


class LoadedSpec(msgspec.Struct, frozen=True):
    """An op's declaration; without torch."""

    name: str
    op: Op
    cost: Callable[[Mapping[str, int]], Cost]
    test_shapes: tuple[dict[str, int], ...]
    default: dict[str, str]


class LoadedOp(msgspec.Struct, frozen=True):
    """An op with its float32 definition."""

    name: str
    op: Op
    cost: Callable[[Mapping[str, int]], Cost]
    test_shapes: tuple[dict[str, int], ...]
    reference: Callable[..., Any]


class LoadedVariant(msgspec.Struct, frozen=True):
    """A variant ready to be called. tunables: the defaults of its signature."""

    op: str
    name: str
    run: Callable[..., Any]
    tunables: dict[str, Any]
    supports: Callable[[Any], str | None] | None
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None
    path: str
    source_text: str
    source_hash: str


class VariantImportError(ImportError):
    """A variant's module cannot be imported; one line with the place of the failure."""


@cache
def load_spec(name: str) -> LoadedSpec:
    """An op's spec module. Raises HarnessError for an unknown op."""
    try:
        module = kernels_root.load(f"{name}.spec")
    except ModuleNotFoundError as error:
        raise HarnessError(f"op {name}: no {name}/spec.py in {kernels_root.bound_root()} ({error})") from error
    return LoadedSpec(name, module.OP, module.cost, module.TEST_SHAPES, getattr(module, "DEFAULT", {}))


@cache
def load_op(name: str) -> LoadedOp:
    spec = load_spec(name)
    return LoadedOp(name, spec.op, spec.cost, spec.test_shapes, kernels_root.load(f"{name}.reference").run)


@cache
def load_variant(op: str, name: str, suite_folder: str) -> LoadedVariant:
    """A variant by what a suite calls it: a module of the op's folder, a file beside the suite or a dotted path.

    Raises VariantImportError where its module does not import (a missing optional package, a syntax error).
    """
    try:
        module = _import_variant(op, name, suite_folder)
    except Exception as error:  # an import runs a user's code, which may raise anything; it comes back as one line
        raise VariantImportError(f"variant {name} of {op}: {_place(error)}: {type(error).__name__}: {error}") from error
    path = str(module.__file__)
    text = Path(path).read_text()
    tunables = read_signature(Path(path)).tunables
    return LoadedVariant(
        op=op, name=name, run=module.run, tunables=dict(tunables), supports=getattr(module, "supports", None),
        prepare=getattr(module, "prepare", None), path=path, source_text=text,
        source_hash=hashlib.sha256(text.encode()).hexdigest(),
    )  # fmt: skip


def _import_variant(op: str, name: str, suite_folder: str) -> ModuleType:
    if name.endswith(".py"):
        path = (Path(suite_folder) / name).resolve()
        alias = f"harness_outside_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
        spec = importlib.util.spec_from_file_location(alias, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module
        spec.loader.exec_module(module)
        return module
    return importlib.import_module(name) if "." in name else kernels_root.load(f"{op}.{name}")


def _place(error: BaseException) -> str:
    """file:line of the innermost frame, or of a syntax error."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"


@cache
def load_layout(architecture: str) -> ModuleType:
    """`kernels/models/<architecture>/layout.py`; without torch."""
    return kernels_root.load(f"models.{architecture}.layout")


@cache
def load_model(architecture: str) -> SimpleNamespace:
    """The architecture's modules: layout, model, weights and checkpoint."""
    names = ("layout", "model", "weights", "checkpoint")
    return SimpleNamespace(**{name: kernels_root.load(f"models.{architecture}.{name}") for name in names})


def load_operands() -> ModuleType:
    """`kernels/operands.py`: random inputs from an op's declaration."""
    return kernels_root.load("operands")
