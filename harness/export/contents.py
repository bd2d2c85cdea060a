"""Reads a package without the process that compiled it: its files, and how it launches its kernels."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path, PurePath

import msgspec

_CALL = re.compile(r"^static .*\bcall_(\w+)\(", re.M)
_LOAD = re.compile(r'loadKernel\(\s*(?:"([^"]*)"|\w+), "(\w+)", (\d+)')
_LAUNCH = re.compile(r"launchKernel\([^,]+, grid_0, grid_1, grid_2, (\d+), (\d+),")
_GRID = re.compile(r"uint32_t grid_([012]) = (.+);")


class Launched(msgspec.Struct, frozen=True):
    """How the wrapper of a package launches a kernel. `binary`: name of its file in the package, empty where it is
    inside of the library.
    """

    name: str
    binary: str
    num_warps: int
    shared_bytes: int
    grid: str


class Contents(msgspec.Struct, frozen=True):
    """`parts`: bytes by kind of file. `binaries`: bytes by name. `launches`: in the order of the wrapper."""

    bytes: int
    digest: str
    parts: dict[str, int]
    binaries: dict[str, int]
    launches: tuple[Launched, ...]


def contents(package: Path) -> Contents:
    """The contents of a `.pt2`; `parts` are sizes as unpacked."""
    parts: dict[str, int] = {}
    binaries: dict[str, int] = {}
    launches: tuple[Launched, ...] = ()
    with zipfile.ZipFile(package) as opened:
        for file in opened.infolist():
            name = PurePath(file.filename).name
            kind = _kind(name)
            parts[kind] = parts.get(kind, 0) + file.file_size
            if kind == "kernels":
                binaries[name] = file.file_size
            if name.endswith("wrapper.cpp"):
                launches = read_launches(opened.read(file).decode(errors="replace"))
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    return Contents(package.stat().st_size, digest, parts, binaries, launches)


def _kind(name: str) -> str:
    by_ending = {".so": "library", ".cubin": "kernels", ".fatbin": "kernels", ".hsaco": "kernels", ".cpp": "source"}
    return by_ending.get(PurePath(name).suffix, "other")


def read_launches(wrapper: str) -> tuple[Launched, ...]:
    """The kernels that the text of a `wrapper.cpp` launches."""
    found = []
    starts = [*_CALL.finditer(wrapper)]
    for at, start in enumerate(starts):
        body = wrapper[start.end() : starts[at + 1].start() if at + 1 < len(starts) else len(wrapper)]
        load, launch = _LOAD.search(body), _LAUNCH.search(body)
        if load is not None and launch is not None:
            grid = " x ".join(text for _, text in sorted(dict(_GRID.findall(body)).items()))
            binary = PurePath(load[1] or "").name
            found.append(Launched(start[1], binary, int(launch[1]), int(launch[2]), grid))
    return tuple(found)
