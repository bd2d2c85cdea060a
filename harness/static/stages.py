"""Triton's compiler stages, timed, with the stages after TTGIR shared by equal intermediate code.

The text names NVIDIA's stages; AMD's `amdgcn` and `hsaco` take the place of `ptx` and `cubin`.

The TTGIR of a configuration decides its machine code. Configurations with equal TTGIR go through LLVM and ptxas once;
they may differ, say, in the number of stages of a loop that nothing pipelines. The first puts its LLVM IR, PTX and
binary aside, and the others take them over. Each still gets an entry of its own in Triton's disk cache.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import triton
from triton.backends import backends

from harness.static.makers_alone import refuse_anothers

BACKENDS = {"cuda": ("nvidia", "cubin"), "hip": ("amd", "hsaco")}
"""By a target's backend: the name under which Triton registers its compiler, and its last stage, which makes the
binary.
"""
BEFORE_TTGIR = frozenset({"num_stages"})
"""Options that act in the passes up to TTGIR and nowhere after; all others are part of the key of equal code."""


class End(msgspec.Struct):
    """The output of one stage after TTGIR, and its metadata about the kernel."""

    text: bytes
    metadata: dict[str, Any]


def _nothing(key: str) -> None:
    """Claim nothing: there is one process alone."""


class Stages:
    """Replaces the backend's stages while it is active.

    `folder`: finished stage outputs, by key. `claim`: called with the key of code that is about to compile; it raises
    (InProgress, say) to prevent that. `seconds`: by stage, since the last `clear`. `shared`: how many kernels took over
    the stage outputs of another.
    """

    def __init__(self, folder: Path, claim: Callable[[str], None] = _nothing) -> None:
        self.folder, self.claim = folder, claim
        self.seconds: dict[str, float] = {}
        self.shared = 0
        self._backend, self._last = "cuda", "cubin"

    def clear(self) -> None:
        self.seconds, self.shared = {}, 0

    @contextmanager
    def active(self, backend: str = "cuda") -> Iterator[Stages]:
        """Register a compiler with Triton that has these stages, in place of the backend's own.

        It does not use `knobs.runtime.add_stages_inspection_hook`: while that is set, Triton >= 3.7 compiles into other
        entries of its disk cache, which a measurement would not find.
        """
        self._backend, (place, self._last) = backend, BACKENDS[backend]
        registered, wrap = backends[place], self._wrap

        class Staged(registered.compiler):  # type: ignore[name-defined, misc]
            def add_stages(self, stages: dict[str, Any], options: Any, language: Any) -> None:
                super().add_stages(stages, options, language)
                wrap(stages, options)

        backends[place] = replace(registered, compiler=Staged)
        try:
            yield self
        finally:
            backends[place] = registered

    def _wrap(self, stages: dict[str, Any], options: Any) -> None:
        key = ""
        made = dict(stages)

        def stage(name: str, source: Any, metadata: dict[str, Any]) -> Any:
            nonlocal key
            if name == "ttgir":
                refuse_anothers(str(source), self._backend)
            if name == "llir":
                key = key_of(str(source), options)
                if not self._file(key, self._last).exists():
                    self.claim(key)
                self.shared += self._file(key, self._last).exists()
            start = time.perf_counter()
            found = self._end(name, key, made[name], source, metadata) if key else made[name](source, metadata)
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
            return found

        for name in stages:
            stages[name] = lambda source, metadata, name=name: stage(name, source, metadata)

    def _end(self, name: str, key: str, make: Callable[..., Any], source: Any, metadata: dict[str, Any]) -> Any:
        file = self._file(key, name)
        if self._file(key, self._last).exists():
            end = msgspec.msgpack.decode(file.read_bytes(), type=End)
            metadata.update(end.metadata)
            return end.text if name == self._last else end.text.decode()
        before = dict(metadata)
        made = make(source, metadata)
        noted = {n: value for n, value in metadata.items() if n not in before or before[n] != value}
        end = End(made if name == self._last else made.encode(), noted)
        partial = file.with_suffix(".partial")
        partial.write_bytes(msgspec.msgpack.encode(end))
        partial.rename(file)
        return made

    def _file(self, key: str, name: str) -> Path:
        return self.folder / f"{key}.{name}"


def key_of(ttgir: str, options: Any) -> str:
    """The key of everything that the stages after TTGIR read: the code with its source locations, and the options."""
    rest = {name: value for name, value in vars(options).items() if name not in BEFORE_TTGIR}
    text = "\n".join([triton.__version__, ttgir, *(f"{name}={value}" for name, value in sorted(rest.items()))])
    return hashlib.sha256(text.encode()).hexdigest()
