"""Finished results on disk: a compiled case is read again as long as Triton's cache has its binaries."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import msgspec

from harness import kernels_root
from harness.device.ptxas import ptxas_release
from harness.errors import HarnessError
from harness.static.target import parse_target
from harness.suite.catalogue import KernelLibrary, bound_ops
from harness.suite.closure import closure_hash, source_files
from harness.values.case import Case
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.suite import OpSource

VERSION = 6
"""Raised when the facts read from a binary change."""
CACHE_VARIABLE = "HARNESS_CACHE"
IGNORED_VARIABLES = frozenset({"TRITON_CACHE_DIR", "TRITON_HOME", "TRITON_INTERPRET"})
"""Triton's environment variables that set where files lie, not their content. The interpreter is never used here."""


class Stored(msgspec.Struct, frozen=True):
    """`limit_s`: the time limit under which the result was made; a TIMEOUT counts for limits up to it."""

    compiled: Compiled
    limit_s: float


class Results:
    """Results of one target.

    `folder` None: the user's cache (`HARNESS_CACHE`, else `~/.cache/kernel-harness`). `root`: the folder of kernels.
    `ops`: ops outside of it; None for those that this process runs.
    """

    def __init__(
        self, target: str, suite_folder: str | Path, folder: Path | None = None, root: Path | None = None,
        ops: Mapping[str, OpSource] | None = None,
    ) -> None:  # fmt: skip
        sources = bound_ops() if ops is None else ops
        self.target = target
        self.kernels = KernelLibrary(root or kernels_root.in_use(), Path(suite_folder), sources)
        self.folder = (folder or cache_folder()) / "static"
        self._toolchain = toolchain(target)
        self._sources: dict[tuple[str, str], str] = {}

    def load(self, case: Case, limit_s: float) -> Compiled | None:
        """The stored result of a case. None where none can be read, where a longer limit may bring one, or where the
        binaries are gone.
        """
        try:
            stored = msgspec.msgpack.decode(self._file(case).read_bytes(), type=Stored)
        except (OSError, msgspec.DecodeError):
            return None
        found = stored.compiled
        if found.status is Status.TIMEOUT and stored.limit_s < limit_s:
            return None
        if not all((triton_cache() / binary.cache_key).is_dir() for binary in found.binaries):
            return None
        return msgspec.structs.replace(found, case=case, cached=True)

    def save(self, compiled: Compiled, limit_s: float) -> None:
        """Store a result. FAILED is stored only where the compiler refused the code: otherwise the next attempt may
        find a repaired toolchain. Raises HarnessError where the folder cannot be written.
        """
        if compiled.status is Status.FAILED and not compiled.refused:
            return
        file = self._file(compiled.case)
        partial = file.with_suffix(f".{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(msgspec.msgpack.encode(Stored(compiled, limit_s)))
            partial.rename(file)
        except OSError as error:
            raise HarnessError(
                f"{self.folder}: cannot be written: {error.strerror}; {CACHE_VARIABLE} may name another folder"
            ) from error

    def _file(self, case: Case) -> Path:
        assert case.op is not None
        parts = [
            VERSION, self.target, self._toolchain, self._source(case.op, case.variant), case.op, case.variant,
            case.dtype, sorted(case.dims.items()), sorted(case.tunables.items()), case.question,
        ]  # fmt: skip
        name = hashlib.sha256(repr(parts).encode()).hexdigest()
        return self.folder / name[:2] / name

    def _source(self, op: str, variant: str) -> str:
        """Hash of the op's spec and of the variant's files with their paths.

        Machine code holds paths for debuggers, and Triton's cache key includes the line of a kernel.
        """
        key = (op, variant)
        if key not in self._sources:
            digest = hashlib.sha256()
            own = self.kernels.known_file(op, variant)
            for file in (*self.kernels.definition(op), *source_files(own, self.kernels.root)):
                digest.update(str(file).encode())
                digest.update(file.read_bytes())
            self._sources[key] = digest.hexdigest()
        return self._sources[key]


def sources(cases: Iterable[Case], kernels: KernelLibrary) -> dict[str, str]:
    """The source hash of every variant of the cases by `op/variant`, wherever the variant lies."""
    found = {(case.op, case.answer.variant) for case in cases if case.op is not None and case.answer is not None}
    return {
        f"{op}/{variant}": closure_hash(kernels.known_file(op, variant), kernels.root) for op, variant in sorted(found)
    }


def cache_folder() -> Path:
    """The folder for files that the harness can make again."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kernel-harness"


def triton_cache() -> Path:
    """Triton's disk cache, found by Triton's own rule."""
    if given := os.environ.get("TRITON_CACHE_DIR"):
        return Path(given)
    return Path(os.environ.get("TRITON_HOME") or Path.home()) / ".triton" / "cache"


@cache
def toolchain(target: str) -> str:
    """Versions of Triton, torch and, for NVIDIA, ptxas, and the environment variables that change Triton's output.
    Raises HarnessError where one of them is not installed.

    None of these packages is imported.
    """
    capability = parse_target(target).capability
    try:
        versions = [f"{name} {importlib.metadata.version(name)}" for name in ("triton", "torch")]
    except importlib.metadata.PackageNotFoundError as error:
        raise HarnessError(f"compiling needs {error.name}, which is not installed here (Triton: Linux only)") from error
    if capability is not None:
        versions.append(f"ptxas {ptxas_release(capability) or 'unknown'}")
    return "; ".join([*versions, *_variables(os.environ)])


def _variables(environment: Mapping[str, str]) -> list[str]:
    names = (n for n in environment if re.match(r"TRITON_|MLIR_|LLVM_|DISABLE_|NVPTX_|PTXAS_", n))
    return [f"{name}={environment[name]}" for name in sorted(names) if name not in IGNORED_VARIABLES]
