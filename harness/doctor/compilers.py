"""The C++ compiler that torch's compilers call, and whether packages that it builds can be loaded on a GPU."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping

from harness.export.settings import DISTRIBUTION, compiler_version
from harness.values.finding import Finding

NAME = "C++ compiler"
INSTALL = "install g++ (Debian: apt-get install g++)"


def findings(gpu: bool, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """One finding, about the compiler that CXX names, else about the distribution's own."""
    told = environment.get("CXX", "")
    # `g++` of `ccache g++ -O2`
    program = next((word for word in reversed(told.split()) if not word.startswith("-")), "")
    path = environment.get("PATH", os.defpath)
    own, named = shutil.which(DISTRIBUTION, path=path), shutil.which(program, path=path) if program else None
    if told and named is None:
        yield Finding(NAME, "missing", f"CXX={told}: there is no such program: torch.compile fails", "unset CXX")
    elif named is None and own is None:
        yield Finding(NAME, "missing", "none: the engines torch_compile and aot_inductor cannot run", INSTALL)
    elif gpu and named is not None and not _same(named, own):
        yield _other(told, own)
    else:
        yield Finding(NAME, "ok", compiler_version(named or DISTRIBUTION))


def _same(one: str, other: str | None) -> bool:
    return other is not None and os.path.realpath(one) == os.path.realpath(other)


def _other(told: str, own: str | None) -> Finding:
    """A compiler that is not the distribution's, on a machine with a GPU."""
    text = f"CXX={told}: a package of aot_inductor that such a compiler built crashed as it was loaded (torch 2.11)"
    if own is None:
        return Finding(NAME, "warn", f"{text}; there is no {DISTRIBUTION} beside it", INSTALL)
    remedy = f"CXX={DISTRIBUTION} ({compiler_version(own)}); the engine aot_inductor sets it for itself"
    return Finding(NAME, "warn", text, remedy)
