"""Architectures outside of the library: named by a suite (`models: ./my_model.py`), or in a user's `kernels/models/`.

A file holds all that a model needs: `DIMS` or `MODELS`, `build`, `random_weights`, and optionally `uses`, `composites`,
`problem` and `load`. A folder holds the same modules as an architecture of the library.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from harness import kernels_root
from harness.errors import HarnessError
from harness.suite.nodes import Node
from harness.suite.space import literal_of

LAYOUT = "layout.py"
MODELS = "MODELS"
"""Name in a file of its models by name, each with its sizes, in the form of a block of models.yaml."""

Sources = dict[str, str]


def find_models(suite_folder: Path, root: Path, known: Mapping[str, Path], named: Node | None = None) -> Sources:
    """The file or folder of every architecture outside of the library `root`, by name. known: the folder of each of the
    library's. named: the suite's `models:`. Raises HarnessError for a name that means two, and for a location without
    one."""
    found: Sources = {}
    for node in (named.elements() if named.is_list else [named]) if named is not None else ():
        if not isinstance(node.value, str):
            raise node.error(f"{node.shown} is no path of a file or folder")
        path = (suite_folder / node.value).resolve()
        if not (path.suffix == ".py" and path.is_file()) and not (path / LAYOUT).is_file():
            what = f"a folder without {LAYOUT}" if path.is_dir() else "no such file or folder"
            raise node.error(f"{path}: {what}; allowed: a file that defines a model, or a folder with {LAYOUT}")
        _add(found, known, path, node)
    above = kernels_root.folder_above(suite_folder)
    if above is not None and above.resolve() != root.resolve():
        for layout in sorted(above.resolve().glob(f"models/*/{LAYOUT}")):
            _add(found, known, layout.parent)
    return found


def _add(found: Sources, known: Mapping[str, Path], path: Path, node: Node | None = None) -> None:
    name = path.stem
    other = known.get(name) or found.setdefault(name, str(path))
    if str(other) != str(path):
        what = f"architecture {name} is defined twice: by {path} and in {other}; one of them needs another name"
        raise node.error(what) if node is not None else HarnessError(what)


def layout_file(path: Path) -> Path:
    """The file that declares the parts of a model."""
    return path if path.is_file() else path / LAYOUT


def module_name(name: str, path: Path, root: Path, part: str = "layout") -> str:
    """The import name of a part of an architecture; all parts of one file are that file."""
    folder = path.parent if path.is_file() else path
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return f"{kernels_root.op_package(f'models.{name}', folder, root)}.{path.stem if path.is_file() else part}"


def layout_of(module: ModuleType, path: Path, contract: ModuleType) -> Any:
    """A layout, completed where its file leaves parts out: `DIMS` from `MODELS`, and no op but the choice of a token.
    Raises HarnessError for parts that are required."""
    if path.is_file():
        for name in ("build", "random_weights"):
            if not callable(getattr(module, name, None)):
                raise HarnessError(f"{path}: a model needs a function {name}; see docs/own-model.md")
    sizes: Mapping[str, Any] = next(iter(getattr(module, MODELS, {}).values()), {})
    dims = getattr(module, "DIMS", None) or {name: type(value) for name, value in sizes.items()}
    if not dims:
        raise HarnessError(f"{path}: needs DIMS (each size's name and type) or {MODELS}; see docs/own-model.md")

    def usual(dims: Mapping[str, Any], group: int, dense: Any) -> tuple[Any, ...]:
        return (contract.Use("greedy", "main", 1, {"batch": 1, "vocab": dims["vocab_size"]}),)

    if not hasattr(module, "uses") and "vocab_size" not in dims:
        raise HarnessError(f"{path}: needs a size vocab_size, or a function uses(dims, group, dense)")
    given = {name: getattr(module, name) for name in ("composites", "KIND") if hasattr(module, name)}
    return SimpleNamespace(
        DIMS=dims, uses=getattr(module, "uses", usual), problem=getattr(module, "problem", lambda *_: None), **given
    )


def named_sizes(path: Path) -> Iterator[tuple[str, Node]]:
    """`MODELS` of an architecture's file, each block like one of models.yaml. Runs nothing. Raises HarnessError where
    the file is not Python."""
    file = layout_file(path)
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    except (OSError, SyntaxError, ValueError) as error:
        raise HarnessError(f"{file}: not Python: {error}") from error
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == MODELS for target in targets):
            yield from literal_of(statement.value, file, MODELS).items()  # type: ignore[attr-defined]


def accepted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Call a user's function with only the keywords that it accepts."""
    taken = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        return function
    return lambda *args, **keywords: function(*args, **{k: v for k, v in keywords.items() if k in taken})
