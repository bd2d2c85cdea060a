"""`models.yaml`: a model's name to its architecture and dimensions; the library's, and one beside the suite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec

from harness import kernels_root
from harness.suite.catalogue import KernelLibrary
from harness.suite.library import MODELS, library_folder
from harness.suite.nodes import Node, parse
from harness.suite.own_models import named_sizes
from harness.suite.reading import read_section

ARCHITECTURE = "architecture"

ModelDims = dict[str, int | float | str]


def read_model(name: Node, kernels: KernelLibrary) -> tuple[str, ModelDims]:
    """The architecture and dimensions of the model that a node names.

    Raises SuiteError at that node where there is no such model or two files define it, in models.yaml where its block
    is wrong.
    """
    blocks: dict[str, list[tuple[Node, str]]] = {}
    for key, block, architecture in _blocks(kernels):
        blocks.setdefault(key, []).append((block, architecture))
    found = blocks.get(str(name.value), [])
    if not found:
        raise name.error(f"unknown model {name.value}", str(name.value), blocks)
    if len(found) > 1:
        raise name.error(f"model {name.value} is defined twice: {' and '.join(block.file for block, _ in found)}")
    return _read_block(*found[0], kernels)


def all_models(kernels: KernelLibrary) -> dict[str, tuple[str, ModelDims]]:
    """Architecture and dimensions of every model that a suite of these kernels could name; the library's first."""
    found: dict[str, tuple[str, ModelDims]] = {}
    for name, block, architecture in reversed([*_blocks(kernels)]):
        found[name] = _read_block(block, architecture, kernels)
    return dict(reversed(found.items()))


def _blocks(kernels: KernelLibrary) -> Iterator[tuple[str, Node, str]]:
    """Every block with its name and, where its location implies one, its architecture. Read are the library's
    `models.yaml`, the one beside the suite, `suites/` beside a user's `kernels/`, and the files of own
    architectures."""
    above = kernels_root.folder_above(kernels.suite_folder)
    beside = above.parent / "suites" if above is not None else None
    for file in _files(library_folder(kernels.root), kernels.suite_folder, beside):
        for name, block in parse(file.read_text(encoding="utf-8"), file).items():
            yield name, block, ""
    for architecture, path in kernels.models.items():
        for name, block in named_sizes(Path(path)):
            yield name, block, architecture


def _files(*folders: Path | None) -> list[Path]:
    """The `models.yaml` of each folder that has one, once."""
    files = (folder.resolve() / MODELS for folder in folders if folder is not None)
    return [file for file in dict.fromkeys(files) if file.is_file()]


def _read_block(block: Node, architecture: str, kernels: KernelLibrary) -> tuple[str, ModelDims]:
    """Read one block. architecture: empty where the block has to name it."""
    if not architecture:
        kind = dict(block.items()).get(ARCHITECTURE)
        if kind is None:
            raise block.error(f"key {ARCHITECTURE} is missing", "", kernels.architectures())
        if kind.value not in kernels.architectures():
            raise kind.error(f"unknown architecture {kind.shown}", str(kind.value), kernels.architectures())
        block = replace(block, value={key: node for key, node in block.items() if key != ARCHITECTURE})
        architecture = str(kind.value)
    sizes: Mapping[str, type] = kernels.layout(architecture).DIMS
    keys = [(name, Annotated[of, msgspec.Meta(gt=0)] if of is not str else of) for name, of in sizes.items()]
    dims: ModelDims = msgspec.structs.asdict(read_section(block, msgspec.defstruct("Dims", keys)))
    return architecture, dims
