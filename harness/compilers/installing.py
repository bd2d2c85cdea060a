"""Installs one package without its dependencies into an empty folder: by pip or, where there is none, uv."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from harness.errors import HarnessError

LIMIT_S = 1800.0
"""Seconds. A wheel of Triton has 190 to 290 MB."""


CRASHED = "ERROR: Exception:"
"""Printed by pip above a traceback, whose last line says more."""


class _Metadata(msgspec.Struct):
    version: str


class _Item(msgspec.Struct):
    metadata: _Metadata


class _Report(msgspec.Struct):
    """The fields read from pip's installation report."""

    install: list[_Item]


def install(what: str, folder: Path, wheels: Path | None) -> None:
    """Install a version of Triton or a wheel (`what`) into `folder`.

    `wheels`: a folder to take it from, without an index. Raises HarnessError with the installer's last line.
    """
    wanted = what if what.endswith(".whl") else f"triton=={what}"
    _run([*_installer(), "--no-deps", "--target", str(folder), *_source(wheels), wanted], f"--triton {what}")


def newest_release(wheels: Path | None) -> str:
    """The newest version of Triton that this interpreter can use. Raises HarnessError where pip is missing or the
    folder of wheels has none."""
    if wheels is not None:
        return _newest_in(wheels)
    if not _has_pip():
        raise HarnessError("--triton newest: needs pip, which is not installed here; allowed: a version")
    asked = [
        sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps",
        "--report", "-", "triton",
    ]  # fmt: skip
    return msgspec.json.decode(_run(asked, "--triton newest"), type=_Report).install[0].metadata.version


def _newest_in(wheels: Path) -> str:
    """The newest release among the wheels for this Python; a pre-release only where there is no release."""
    if not wheels.is_dir():
        raise HarnessError(f"--wheels {wheels}: no such folder; wanted a folder of wheels")
    here, found, others = set(sys_tags()), set[Version](), 0
    for file in wheels.glob("triton-*.whl"):
        try:
            _, version, _, tags = parse_wheel_filename(file.name)
        except InvalidWheelFilename:
            continue
        if here.isdisjoint(tags):
            others += 1
        else:
            found.add(version)
    if not found:
        besides = f", only {others} for another Python or system" if others else ""
        raise HarnessError(f"--wheels {wheels}: no wheel of Triton for this Python in it{besides}; wanted triton-*.whl")
    return str(max({version for version in found if not version.is_prerelease} or found))


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


def _installer() -> list[str]:
    if _has_pip():
        return [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    uv = shutil.which("uv")
    if uv is None:
        raise HarnessError("--triton: another version needs pip or uv to install it, and neither is here")
    return [uv, "pip", "install", "--quiet", "--python", sys.executable]


def _source(wheels: Path | None) -> list[str]:
    if wheels is None:
        return []
    if not wheels.is_dir():
        raise HarnessError(f"--wheels {wheels}: no such folder; wanted a folder of wheels")
    return ["--no-index", "--find-links", str(wheels)]


def _run(command: list[str], what: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise HarnessError(f"{what}: not installed within {LIMIT_S:g} s") from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error") and line != CRASHED]
        raise HarnessError(f"{what}: {(errors or lines or ['the installer failed'])[-1]}")
    return done.stdout
