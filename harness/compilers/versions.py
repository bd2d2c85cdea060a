"""Finds the folder from which a release of Triton is imported.

The folder is made once in the user's cache, beside the installed packages and never among them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from harness.compilers.installing import install, newest_release
from harness.errors import HarnessError
from harness.static.results import CACHE_VARIABLE, cache_folder
from harness.worker.launch import worker_environment

INSTALLED, NEWEST = "installed", "newest"
RELEASE = re.compile(r"\d+(\.\d+)*([.+-]?[A-Za-z0-9]+)*")
ALLOWED = f"a version (3.9.0), `{NEWEST}`, `{INSTALLED}`, a wheel, or the folder of a source build"
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
    found: dict[Path, Compiler] = {}
    for name in dict.fromkeys(names):
        compiler = find_compiler(name, wheels, say)
        if compiler.folder in found:
            if NEWEST in names:  # it may well be the one that is named, too
                continue
            raise HarnessError(f"--triton {name}: the same build as {found[compiler.folder].name}")
        found[compiler.folder] = compiler
    return list(found.values())


def find_compiler(name: str, wheels: Path | None = None, say: Say = lambda _: None) -> Compiler:
    """The compiler of this name, installed where it is missing. `wheels`: a folder to install from, without an index.

    Raises HarnessError for a name of no allowed form, and where it cannot be installed.
    """
    path = Path(name)
    if path.suffix == ".whl":
        return _from_wheel(name, path, say)
    if os.sep in name or path.is_dir():
        return _from_folder(name, path)
    here = installed_version()
    if name == INSTALLED:
        if here is None:
            raise HarnessError(f"--triton {INSTALLED}: no Triton is installed here; allowed: {ALLOWED}")
        return Compiler(name, here, "installed", None, _home() / f"installed-{here}")
    if name == NEWEST:
        name = newest_release(wheels)
    elif not RELEASE.fullmatch(name):
        raise HarnessError(f"--triton {name}: no such compiler; allowed: {ALLOWED}")
    if name == here:
        return Compiler(name, name, "installed", None, _home() / f"installed-{name}")
    folder = _home() / name
    _made(folder, lambda site: install(name, site, wheels), f"Triton {name}", say)
    return Compiler(name, _version_in(folder / "site", name), "index", folder / "site", folder)


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
    if not list((package / "_C").glob("libtriton*.so")):
        raise HarnessError(f"--triton {name}: {package}/_C has no libtriton: build it first (pip install -e {name})")
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
    say(f"{what}: installing into {folder} (once)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fill(partial)
        if not (partial / "triton" / "__init__.py").is_file():
            raise HarnessError(f"--triton {what}: there is no package triton in it")
        partial.rename(site)
    except OSError as error:
        if not site.is_dir():  # another process made it at the same time
            raise HarnessError(f"{folder}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _version_in(site: Path, name: str) -> str:
    """The version in its metadata, which `importlib.metadata` will find in the worker."""
    found = next(site.glob("triton-*.dist-info"), None)
    if found is None:
        raise HarnessError(f"--triton {name}: {site} has no metadata of Triton; remove the folder to install it anew")
    return found.name.removeprefix("triton-").removesuffix(".dist-info")


def _home() -> Path:
    return cache_folder() / "compilers"
