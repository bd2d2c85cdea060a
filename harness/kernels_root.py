"""Which folder of ops a process uses: the suite's own repository's, else the installed one; bound to one import name.

The folder is imported as `harness_kernels` wherever it lies, so that one installed harness can measure the kernels of any
revision, and so that nothing of ours is ever named like Hugging Face's package `kernels`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from harness.errors import HarnessError

IMPORT_NAME = "harness_kernels"
FOLDER = "kernels"
MARK = "contract.py"


def find(suite_path: str | Path) -> Path:
    """The `kernels/` folder beside or above the suite, up to its repository's root; else the installed one."""
    for parent in Path(suite_path).resolve().parents:
        if (parent / FOLDER / MARK).is_file():
            return parent / FOLDER
        if (parent / ".git").exists():
            break
    return installed()


def installed() -> Path:
    """The folder of the installed ops. Raises HarnessError where there is none."""
    beside = Path(__file__).resolve().parent.parent / FOLDER
    if (beside / MARK).is_file():
        return beside
    spec = importlib.util.find_spec(IMPORT_NAME)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(location) / MARK).is_file():
            return Path(location)
    raise HarnessError(f"no folder of ops: neither {beside} nor an installed {IMPORT_NAME}")


def bind(root: Path) -> None:
    """Makes `import harness_kernels` mean `root` in this process. Binding another folder later is an error."""
    root = root.resolve()
    bound = bound_root()
    if bound == root:
        return
    if bound is not None:
        raise HarnessError(f"{IMPORT_NAME} is {bound} in this process already, not {root}")
    if not (root / MARK).is_file():
        raise HarnessError(f"{root}: not a folder of ops (it has no {MARK})")
    spec = ModuleSpec(IMPORT_NAME, None, is_package=True)
    spec.submodule_search_locations = [str(root)]
    sys.modules[IMPORT_NAME] = importlib.util.module_from_spec(spec)


def bound_root() -> Path | None:
    """The folder that this process is bound to, if any."""
    module = sys.modules.get(IMPORT_NAME)
    return Path(next(iter(module.__path__))).resolve() if module is not None else None


def load(name: str) -> ModuleType:
    """A module of the bound folder by its dotted name (`moe_down.spec`)."""
    return importlib.import_module(f"{IMPORT_NAME}.{name}")
