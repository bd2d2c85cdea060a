"""A function or class of a user's file: `/path/file.py:name`."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.import_variant import not_loaded, run_file


def named_function(source: str) -> Callable[..., Any]:
    """The object that `/path/file.py:name` names.

    The file is imported once for each of its texts, and finds the modules beside it. Raises VariantNotLoaded, which
    gives the line, for any error of the file.
    """
    where, _, name = source.rpartition(":")
    path = Path(where)
    found: Callable[..., Any] = getattr(_imported(path), name)
    return found


def _imported(path: Path) -> Any:
    name = f"module_model_{path.stem}_{hashlib.sha256(bytes(path) + path.read_bytes()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        return run_file(name, path)
    except (Exception, SystemExit) as error:
        raise not_loaded(path, error) from error
