"""Which `kernels/` folder this process uses: found from the suite, bound once to the import name `harness_kernels`.

One installed harness can so measure the kernels of any checkout, another revision's included.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from harness.errors import HarnessError

NAME = "harness_kernels"
_MARK = "contract.py"


def find(suite_path: Path) -> Path:
    """The `kernels/` folder beside the suite's folder or above it, up to the repository's root; else the installed
    one."""
    folder = suite_path.resolve().parent
    for above in (folder, *folder.parents):
        if (above / "kernels" / _MARK).is_file():
            return above / "kernels"
        if (above / ".git").exists():
            break
    return installed()


def installed() -> Path:
    """The kernels that came with this harness."""
    checkout = Path(__file__).resolve().parent.parent / "kernels"
    if (checkout / _MARK).is_file():
        return checkout
    spec = importlib.util.find_spec(NAME)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(location) / _MARK).is_file():
            return Path(location).resolve()
    raise HarnessError(f"no folder of kernels: neither kernels/{_MARK} above the suite nor an installed {NAME}")


def bind(root: Path) -> None:
    """Makes `import harness_kernels` mean this folder, for the life of the process. Binding it again is no change;
    another folder is an error: modules of the first may be in use already."""
    root = root.resolve()
    if not (root / _MARK).is_file():
        raise HarnessError(f"{root}: not a folder of kernels: it has no {_MARK}")
    bound = bound_root()
    if bound is not None and bound != root:
        raise HarnessError(
            f"{root}: this process uses the kernels of {bound} already; one process, one folder of kernels"
        )
    if bound is None:
        spec = ModuleSpec(NAME, None, is_package=True)
        spec.submodule_search_locations = [str(root)]
        sys.modules[NAME] = importlib.util.module_from_spec(spec)


def bound_root() -> Path | None:
    """The folder that `harness_kernels` means in this process, or None as long as nothing decided it."""
    module = sys.modules.get(NAME)
    return Path(next(iter(module.__path__))).resolve() if module is not None else None


def in_use() -> Path:
    """The bound folder; as long as nothing is bound, the one that came with this harness."""
    return bound_root() or installed()


def module(name: str) -> ModuleType:
    """A module of the bound folder by its path in it: `tuned`, `int4_mm.spec`, `models.qwen3_5_moe.layout`."""
    if bound_root() is None:
        bind(installed())
    return importlib.import_module(f"{NAME}.{name}")


def tuned_module() -> ModuleType:
    """`kernels/tuned.py`: reads and writes tuned files."""
    return module("tuned")
