"""A dotted path to the file of its module, without importing it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def dotted_file(dotted: str, suite_folder: Path) -> Path | None:
    """The file of `a.b.c`, on `sys.path` or beside the suite. The import system looks up only the outermost package,
    and does not import it."""
    if not all(part.isidentifier() for part in dotted.split(".")):
        return None
    *outer, last = dotted.split(".")
    folders = [suite_folder.joinpath(*outer)]
    if outer:
        first, *inner = outer
        unknown = first in sys.modules and sys.modules[first].__spec__ is None
        spec = None if unknown else importlib.util.find_spec(first)
        places = (spec.submodule_search_locations or ()) if spec is not None else ()
        folders = [*(Path(place).joinpath(*inner) for place in places), *folders]
    else:
        folders += [Path(place) for place in sys.path if place]
    for folder in folders:
        for file in (folder / f"{last}.py", folder / last / "__init__.py"):
            if file.is_file():
                return file.resolve()
    return None
