"""`models.yaml`: a model's name to its architecture and dimensions; the library's, and one beside the suite."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import kernels_root
from harness.suite.catalogue import architectures, load_layout
from harness.suite.nodes import Node, parse, shown

FILE = "models.yaml"
ARCHITECTURE = "architecture"

ModelDims = dict[str, int | float | str]


def library_folder() -> Path | None:
    """The folder of suites that belongs to the bound kernels: beside them in a checkout, installed as
    `harness_suites`."""
    root = kernels_root.in_use()
    if (root.parent / "suites" / FILE).is_file():
        return root.parent / "suites"
    spec = importlib.util.find_spec("harness_suites")
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in places if (place / FILE).is_file()), None)


def read_model(name: Node, suite_folder: Path) -> tuple[str, ModelDims]:
    """The architecture and dimensions of the model that a node names.

    SuiteError at that node where there is no such model or two files define it, in models.yaml where its block is
    wrong.
    """
    blocks: dict[str, list[Node]] = {}
    for folder in dict.fromkeys(f.resolve() for f in (suite_folder, library_folder()) if f is not None):
        file = folder / FILE
        if file.is_file():
            for key, block in parse(file.read_text(encoding="utf-8"), file).items():
                blocks.setdefault(key, []).append(block)
    found = blocks.get(str(name.value), [])
    if not found:
        raise name.error(f"unknown model {name.value}", str(name.value), blocks)
    if len(found) > 1:
        raise name.error(f"model {name.value} is defined twice: {' and '.join(block.file for block in found)}")
    return _read_block(found[0])


def all_models(folder: Path) -> dict[str, tuple[str, ModelDims]]:
    """Architecture and dimensions of every model that a suite in `folder` could name; the library's first."""
    files = [place / FILE for place in (library_folder(), folder.resolve()) if place is not None]
    found: dict[str, tuple[str, ModelDims]] = {}
    for file in dict.fromkeys(file for file in files if file.is_file()):
        for name, block in parse(file.read_text(encoding="utf-8"), file).items():
            found.setdefault(name, _read_block(block))
    return found


def _read_block(block: Node) -> tuple[str, ModelDims]:
    entries = dict(block.items())
    kind = entries.pop(ARCHITECTURE, None)
    if kind is None:
        raise block.error(f"key {ARCHITECTURE} is missing", "", architectures())
    if kind.value not in architectures():
        raise kind.error(f"unknown architecture {kind.shown}", str(kind.value), architectures())
    wanted: Mapping[str, type] = load_layout(kind.value).DIMS
    dims: ModelDims = {}
    for key, child in entries.items():
        if key not in wanted:
            raise block.key_error(key, "unknown key", [ARCHITECTURE, *wanted])
        dims[key] = _read_dim(child, wanted[key])
    for key in wanted:
        if key not in dims:
            raise block.error(f"key {key} is missing")
    return kind.value, dims


def _read_dim(node: Node, kind: type) -> int | float | str:
    value: Any = node.value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        words = {int: "a whole number", float: "a number", str: "a word"}
        raise node.error(f"{node.shown} is not {words.get(kind, kind.__name__)}")
    if isinstance(value, int | float) and not 0 < value < float("inf"):
        raise node.error(f"{shown(value)} is out of range; allowed: finite numbers above 0")
    found: int | float | str = kind(value)
    return found
