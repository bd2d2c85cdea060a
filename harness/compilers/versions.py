"""Finds the folder from which a release of Triton is imported.

The folder is made once in the user's cache, beside the installed packages and never among them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Literal

import msgspec
from packaging.version import InvalidVersion, Version

from harness.compilers.installing import LIMIT_S, install, newest_release
from harness.errors import HarnessError
from harness.static.results import CACHE_VARIABLE, cache_folder
from harness.worker.launch import worker_environment

INSTALLED, NEWEST = "installed", "newest"
ALLOWED = f"a version (3.9.0), `{NEWEST}`, `{INSTALLED}`, a wheel, or the folder of a source build"
INTERPRETER = f"{sys.implementation.cache_tag}-{platform.machine()}"
"""The package is compiled code: another Python, on another machine of the same home, has a folder of its own."""
Say = Callable[[str], None]


class Compiler(msgspec.Struct, frozen=True):
    """`site`: the folder from which `triton` is imported, None for the installed one. `folder`: its results and its own
    cache; another build has another folder.
    """

    name: str
    triton: str
    origin: Literal["installed", "index", "wheel", "folder"]
    site: Path | None
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a worker that compiles with it, its site ahead of the installed packages."""
        found = worker_environment()
        if self.site is not None:
            found["PYTHONPATH"] = os.pathsep.join(filter(None, (str(self.site), found.get("PYTHONPATH"))))
        return found | {CACHE_VARIABLE: str(self.folder), "TRITON_CACHE_DIR": str(self.folder / "triton")}


def find_compilers(names: Sequence[str], wheels: Path | None = None, say: Say = lambda _: None) -> list[Compiler]:
    """Each compiler once, in this order; see `find_compiler`. Also raises HarnessError for two names of one build."""
    for name in names:  # all of them, before the first is installed
        _refuse_unknown(name)
    found: dict[Path, Compiler] = {}
    for name in dict.fromkeys(names):
        compiler = find_compiler(name, wheels, say)
        if compiler.folder in found:
            if NEWEST in names:  # it may well be the one that is named, too
                continue
            raise HarnessError(f"--triton {name}: the same build as {found[compiler.folder].name}; name it once")
        found[compiler.folder] = compiler
    return list(found.values())


def find_compiler(name: str, wheels: Path | None = None, say: Say = lambda _: None) -> Compiler:
    """The compiler of this name, installed where it is missing. `wheels`: a folder to install from, without an index.

    Raises HarnessError for a name of no allowed form, and where it cannot be installed.
    """
    _refuse_unknown(name)
    path = Path(name)
    if path.suffix == ".whl":
        return _from_wheel(name, path, say)
    if _is_folder(name):
        return _from_folder(name, path)
    here = installed_version()
    if name == INSTALLED:
        if here is None:
            raise HarnessError(f"--triton {INSTALLED}: no Triton is installed here; allowed: {ALLOWED}")
        return Compiler(name, here, "installed", None, _home() / f"installed-{here}")
    if name == NEWEST:
        name = newest_release(wheels)
    if name == here:
        return Compiler(name, name, "installed", None, _home() / f"installed-{name}")
    folder = _home() / f"{name}-{INTERPRETER}"
    _made(folder, lambda site: install(name, site, wheels), f"Triton {name}", say)
    return Compiler(name, _version_in(folder / "site", name), "index", folder / "site", folder)


def _is_folder(name: str) -> bool:
    return os.sep in name or Path(name).is_dir()


def _is_release(name: str) -> bool:
    try:
        Version(name)
    except InvalidVersion:
        return False
    return True


def _refuse_unknown(name: str) -> None:
    """Raise HarnessError for a name of no allowed form, and for a file or folder that does not exist."""
    if name.endswith(".whl") or _is_folder(name):
        if not Path(name).exists():
            raise HarnessError(f"--triton {name}: no such file or folder; allowed: {ALLOWED}")
    elif name not in (INSTALLED, NEWEST) and not _is_release(name):
        raise HarnessError(f"--triton {name}: no such compiler; allowed: {ALLOWED}")


def installed_version() -> str | None:
    """The version of the Triton that this interpreter would import; nothing of it is imported."""
    try:
        return importlib.metadata.version("triton") if importlib.util.find_spec("triton") else None
    except importlib.metadata.PackageNotFoundError:
        return None


def _from_wheel(name: str, wheel: Path, say: Say) -> Compiler:
    """A private wheel: identified by its bytes, whatever version it states."""
    try:
        with wheel.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    except OSError as error:
        raise HarnessError(f"--triton {name}: cannot be read: {error.strerror}; allowed: {ALLOWED}") from error
    folder = _home() / f"wheel-{content}"
    _made(folder, lambda site: install(str(wheel.resolve()), site, None), name, say)
    return Compiler(name, _version_in(folder / "site", name), "wheel", folder / "site", folder)


def _from_folder(name: str, path: Path) -> Compiler:
    """A source build, used in place. Its results are stored by size and time of its files: another build has others."""
    site = next((place for place in (path, path / "python") if (place / "triton" / "__init__.py").is_file()), None)
    if site is None:
        raise HarnessError(f"--triton {name}: no triton/__init__.py in it or its python/; allowed: {ALLOWED}")
    package = site.resolve() / "triton"
    built = list((package / "_C").glob("libtriton*.so"))
    if not built:
        raise HarnessError(f"--triton {name}: {package}/_C has no libtriton: build it first (pip install -e {name})")
    if not any(file.name == f"libtriton{suffix}" for file in built for suffix in EXTENSION_SUFFIXES):
        tag = sys.implementation.cache_tag
        raise HarnessError(f"--triton {name}: {built[0].name} is of another Python than {tag}; build it for this one")
    digest = hashlib.sha256(str(package).encode())
    for file in sorted(package.rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            facts = file.stat()
            digest.update(f"{file.relative_to(package)} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    text = (package / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r"__version__ = ['\"](.+?)['\"]", text)
    folder = _home() / f"folder-{digest.hexdigest()[:12]}"
    return Compiler(name, found[1] if found else "unknown", "folder", site.resolve(), folder)


def _made(folder: Path, fill: Callable[[Path], None], what: str, say: Say) -> None:
    """Make `folder/site` unless it exists; an interrupted call leaves nothing that looks finished."""
    site, partial = folder / "site", folder / f"site.{os.getpid()}"
    if site.is_dir():
        return
    for left in _abandoned(folder):
        shutil.rmtree(left, ignore_errors=True)
    say(f"{what}: installing into {folder} (once)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fill(partial)
        if not (partial / "triton" / "__init__.py").is_file():
            raise HarnessError(f"--triton {what}: no package triton in it; allowed: {ALLOWED}")
        partial.rename(site)
    except OSError as error:
        if not site.is_dir():  # another process made it at the same time
            raise HarnessError(f"{folder}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _abandoned(folder: Path) -> list[Path]:
    """Hundreds of MB each, left by calls that were killed; no installer runs for that long."""
    return [left for left in folder.glob("site.*") if time.time() - left.stat().st_mtime > LIMIT_S]


def _version_in(site: Path, name: str) -> str:
    """The version in its metadata, which `importlib.metadata` will find in the worker."""
    found = next(site.glob("triton-*.dist-info"), None)
    if found is None:
        raise HarnessError(f"--triton {name}: {site} has no metadata of Triton; remove the folder to install it anew")
    return found.name.removeprefix("triton-").removesuffix(".dist-info")


def _home() -> Path:
    return cache_folder() / "compilers"
