"""Recognises code that only another maker's compiler accepts, before the target's compiler raises an error or aborts
inside LLVM."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from harness.static.target import Target

INLINE = re.compile(r'tt\.elementwise_inline_asm "((?:[^"\\]|\\.)*)"')
ESCAPE = re.compile(r"\\(?:[0-9A-F]{2}|.)")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
PTX = re.compile(r"(?<![\w.$%])[a-z]\w*\.[A-Za-z_]")
"""A mnemonic with a type or word after a dot (`mov.b32`, `membar.gl`), which AMD's assembly never has."""
AMD_ASSEMBLY = re.compile(r"(?:^|[\n;{])\s*(?:[vs]|ds|global|buffer|flat|scratch)_[a-z]\w*(?!\w|:)")
"""A mnemonic with its unit before an underscore (`v_mov_b32`, `s_waitcnt`), which PTX never has."""
ASSEMBLY = {"hip": (PTX, "PTX assembly is NVIDIA's alone"), "cuda": (AMD_ASSEMBLY, "AMD's assembly is its own alone")}
"""By the target's backend: the other maker's assembly, and the words for it."""
LIBRARY = {
    "hip": (re.compile(r'symbol = "(__nv_\w+)"'), "of libdevice is NVIDIA's alone"),
    "cuda": (re.compile(r'symbol = "(__oc(?:ml|kl)_\w+)"'), "of the ROCm device library is AMD's alone"),
}
PRECISION = re.compile(r"input_precision must be one of .* Got (\w+)")
"""Triton's own words for a precision that the target's compiler lacks."""
CLUSTERS = re.compile(r"num_ctas > 1 not supported")
UNRECOGNISED = re.compile(r"[Kk]eyword argument (\w+)")


class AnothersAlone(Exception):
    """The reason why a case is UNSUPPORTED on another maker's target."""


def refuse_anothers(ttir: str, backend: str) -> None:
    """Raises AnothersAlone where Triton's first intermediate code has assembly or library functions of another maker
    than the target's. `backend`: `cuda` or `hip`."""
    foreign, words = ASSEMBLY[backend]
    for found in INLINE.finditer(ttir):
        code = COMMENT.sub(" ", ESCAPE.sub(_unescaped, found[1]))
        if foreign.search(code):
            raise AnothersAlone(f"{words}: {' '.join(code.split())[:60]}")
    symbol, words = LIBRARY[backend]
    if called := symbol.search(ttir):
        raise AnothersAlone(f"{called[1]} {words}")


def _unescaped(escape: re.Match[str]) -> str:
    """The space or line end of `\\09`, `\\0A`, as MLIR prints them."""
    return "\n" if escape[0] == r"\0A" else " "


def anothers_option(error: Exception, target: Target) -> str:
    """The reason why a launch with this option, or a product of this precision, cannot be compiled for the target of
    another maker; empty for any other error.
    """
    said = "\n".join(map(str, _causes(error)))
    if target.backend == "hip" and (precision := PRECISION.search(said)):
        return f"{target.name} has no products in {precision[1]}"
    if CLUSTERS.search(said):
        return f"{target.name} has no clusters (num_ctas > 1)"
    found = UNRECOGNISED.search(said) if isinstance(error, KeyError) else None
    maker, options = _options_of_other(target.backend) if found else ("", frozenset())
    return f"{found[1]} is {maker}'s alone" if found and found[1] in options else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes: one in a function that a kernel calls lies within."""
    while error is not None:
        yield error
        error = error.__cause__


@cache
def _options_of_other(backend: str) -> tuple[str, frozenset[str]]:
    """The other maker, and the launch options that its compiler has and this backend's lacks."""
    from triton.backends.amd.compiler import HIPOptions
    from triton.backends.nvidia.compiler import CUDAOptions

    amd, nvidia = frozenset(HIPOptions.__dataclass_fields__), frozenset(CUDAOptions.__dataclass_fields__)
    return ("NVIDIA", nvidia - amd) if backend == "hip" else ("AMD", amd - nvidia)
