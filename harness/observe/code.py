"""The part of a file that counts: for Python its code, without comments, docstrings and layout; for anything else every
byte."""

from __future__ import annotations

import ast
import hashlib
import os
import re
from contextlib import suppress
from functools import lru_cache
from importlib.util import source_from_cache
from pathlib import Path

DATA, CODE, NAMES, PACKAGES = "data", "code", "names", "packages"
OF_SYSTEM = "of the system"
PACKAGE_ENDS = (".dist-info", ".egg-info", ".egg", ".egg-link")
BEING_WRITTEN = re.compile(r"(?<=\.pyc)\.\d+$")
PSEUDO = ("/proc/", "/sys/", "/dev/")


def code_of(text: bytes) -> bytes:
    """The syntax tree of Python source; the text itself where it is not Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            first.value.value = ""
    return ast.dump(tree).encode()


def content(file: Path, as_code: bool) -> str:
    """`code:...` or `data:...` with a hash; `missing`, or the kind of anything that is no file."""
    try:
        if not file.is_file():
            return kind(file)
        status = file.stat()
        return _hashed(str(file), status.st_mtime_ns, status.st_size, as_code and file.suffix == ".py")
    except OSError as error:
        return f"unreadable: {error.strerror}"


@lru_cache(maxsize=4096)
def _hashed(file: str, _mtime: int, _size: int, as_code: bool) -> str:
    digest = hashlib.sha256()
    with open(file, "rb") as stream:
        if as_code:
            digest.update(code_of(stream.read()))
        else:
            while block := stream.read(1 << 20):
                digest.update(block)
    return f"{CODE if as_code else DATA}:{digest.hexdigest()}"


def source_of(name: str) -> str:
    """The Python file of a compiled one in `__pycache__`, finished or while it is written (`a.cpython-311.pyc.12`); any
    other name unchanged."""
    with suppress(ValueError):
        return source_from_cache(BEING_WRITTEN.sub("", name))
    return name


def is_still(path: Path, found: str) -> bool:
    """Whether a path still has the same state: `found` joins results of `content`, `names`, `kind`, `size` or `age`."""
    return all(_again(path, part) == part for part in found.split("; "))


def _again(path: Path, part: str) -> str:
    word = part.partition(":")[0]
    if word in (CODE, DATA):
        return content(path, as_code=word == CODE)
    if word in (NAMES, PACKAGES):
        return names(path, packages=word == PACKAGES)
    if part == OF_SYSTEM or part.count(",") == 2:
        return age(path)
    return size(path) if " bytes" in part else kind(path)


def kind(path: Path) -> str:
    """`file`, `folder`, `missing`."""
    if path.is_dir():
        return "folder"
    return "file" if path.exists() else "missing"


def size(path: Path) -> str:
    """The kind and, for a file, its size."""
    return f"file of {path.stat().st_size} bytes" if path.is_file() else kind(path)


def age(path: Path) -> str:
    """Size, time and inode of a file outside of every tree, which both sides find at the same path: they tell whether
    it was changed."""
    if str(path).startswith(PSEUDO):
        return OF_SYSTEM
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"file of {status.st_size} bytes, {status.st_mtime_ns}, {status.st_ino}"


def names(folder: Path, packages: bool = False) -> str:
    """A hash of a folder's listing, without Python's caches. packages: only the names that `importlib.metadata` looks
    for."""
    ends = PACKAGE_ENDS if packages else ("",)
    try:
        found = sorted(name for name in os.listdir(folder) if name != "__pycache__" and name.endswith(ends))
    except OSError:
        return kind(folder)
    return f"{PACKAGES if packages else NAMES}:{hashlib.sha256(chr(0).join(found).encode()).hexdigest()}"
