"""Makes `import harness_reports` work in a checkout that nobody installed, as `kernels_root` does for the kernels."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

NAME = "harness_reports"


def bind() -> None:
    """Binds the name to the `reports/` folder beside this package. An installed or bound one stays as it is."""
    folder = Path(__file__).resolve().parent.parent / "reports"
    if NAME in sys.modules or not (folder / "table.py").is_file():
        return
    spec = ModuleSpec(NAME, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
