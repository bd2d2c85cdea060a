"""Interpreters with packages of their own: environments that share the installed packages through a `.pth` file."""

from __future__ import annotations

import sys
import venv
from pathlib import Path


def interpreter(folder: Path, first: tuple[Path, ...] = ()) -> Path:
    """The program of a new environment without pip. first: folders whose packages hide the installed ones."""
    venv.EnvBuilder(symlinks=True).create(folder)
    own = next(folder.glob("lib/python*/site-packages"))
    shared = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
    ahead = [f"import sys; sys.path.insert(0, {str(place)!r})" for place in first]
    (own / "shared.pth").write_text("\n".join([*ahead, *shared]) + "\n")
    return folder / "bin" / "python"


def package(folder: Path, name: str, version: str, text: str) -> Path:
    """The folder, with an installed package of this version in it; text: of its only module."""
    metadata = folder / f"{name}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / f"{name}.py").write_text(text)
    return folder
