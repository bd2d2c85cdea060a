"""`models.yaml`: a model's name to its architecture and dimensions; the library's, and one beside the suite."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from harness import kernels_root
from harness.suite.catalogue import KernelLibrary
from harness.suite.nodes import Node, parse
from harness.suite.reading import read_section

FILE = "models.yaml"
ARCHITECTURE = "architecture"

ModelDims = dict[str, int | float | str]


def library_folder(root: Path | None = None) -> Path | None:
    """The folder of suites that belongs to a folder of kernels: beside it in a checkout, installed as
    `harness_suites`. root: the folder of kernels, None for the one that this process runs."""
    root = root or kernels_root.in_use()
    if (root.parent / "suites" / FILE).is_file():
        return root.parent / "suites"
    spec = importlib.util.find_spec("harness_suites")
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in places if (place / FILE).is_file()), None)


def read_model(name: Node, kernels: KernelLibrary) -> tuple[str, ModelDims]:
    """The architecture and dimensions of the model that a node names.

    SuiteError at that node where there is no such model or two files define it, in models.yaml where its block is
    wrong.
    """
    blocks: dict[str, list[Node]] = {}
    for file in _files(kernels.suite_folder, library_folder(kernels.root)):
        for key, block in parse(file.read_text(encoding="utf-8"), file).items():
            blocks.setdefault(key, []).append(block)
    found = blocks.get(str(name.value), [])
    if not found:
        raise name.error(f"unknown model {name.value}", str(name.value), blocks)
    if len(found) > 1:
        raise name.error(f"model {name.value} is defined twice: {' and '.join(block.file for block in found)}")
    return _read_block(found[0], kernels)


def all_models(kernels: KernelLibrary) -> dict[str, tuple[str, ModelDims]]:
    """Architecture and dimensions of every model that a suite of these kernels could name; the library's first."""
    found: dict[str, tuple[str, ModelDims]] = {}
    for file in _files(library_folder(kernels.root), kernels.suite_folder):
        for name, block in parse(file.read_text(encoding="utf-8"), file).items():
            found.setdefault(name, _read_block(block, kernels))
    return found


def _files(*folders: Path | None) -> list[Path]:
    """The `models.yaml` of each folder that has one, once."""
    files = (folder.resolve() / FILE for folder in folders if folder is not None)
    return [file for file in dict.fromkeys(files) if file.is_file()]


def _read_block(block: Node, kernels: KernelLibrary) -> tuple[str, ModelDims]:
    kind = dict(block.items()).get(ARCHITECTURE)
    if kind is None:
        raise block.error(f"key {ARCHITECTURE} is missing", "", kernels.architectures())
    if kind.value not in kernels.architectures():
        raise kind.error(f"unknown architecture {kind.shown}", str(kind.value), kernels.architectures())
    sizes: Mapping[str, type] = kernels.layout(kind.value).DIMS
    keys = [(ARCHITECTURE, str), *((name, Annotated[of, msgspec.Meta(gt=0)]) for name, of in sizes.items())]
    dims: ModelDims = msgspec.structs.asdict(read_section(block, msgspec.defstruct("Dims", keys)))
    return str(dims.pop(ARCHITECTURE)), dims
