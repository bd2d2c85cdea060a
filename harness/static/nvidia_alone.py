"""Recognises code that only NVIDIA's compiler accepts, before AMD's compiler raises an error or aborts inside LLVM."""

from __future__ import annotations

import re
from functools import cache

from harness.static.target import Target

INLINE = re.compile(r'tt\.elementwise_inline_asm "((?:[^"\\]|\\.)*)"')
PTX = re.compile(r"\w\.(?:[busf](?:8|16|32|64|128)|bf16(?:x2)?|f16x2|pred|sync|aligned|wait|launch_dependents)\b")
"""A type or word after a dot that PTX has and AMD's assembly never has."""
LIBDEVICE = re.compile(r'symbol = "(__nv_\w+)"')
PRECISION = re.compile(r"input_precision must be one of .* Got (\w+)")
"""Triton's own words for a precision that the target's compiler lacks."""
UNRECOGNISED = re.compile(r"[Kk]eyword argument (\w+)")


class NvidiaAlone(Exception):
    """The reason why a case is UNSUPPORTED on another maker's target."""


def refuse_ptx(ttir: str) -> None:
    """Raises NvidiaAlone where Triton's first intermediate code has PTX assembly or functions of libdevice."""
    for found in INLINE.finditer(ttir):
        if PTX.search(found[1]):
            what = " ".join(re.sub(r"\\.", " ", found[1]).split())[:60]
            raise NvidiaAlone(f"PTX assembly is NVIDIA's alone: {what}")
    if found_function := LIBDEVICE.search(ttir):
        raise NvidiaAlone(f"{found_function[1]} of libdevice is NVIDIA's alone")


def nvidia_option(error: Exception, target: Target) -> str:
    """The reason why a launch with this option, or a product of this precision, cannot be compiled for another maker's
    target; empty for any other error.
    """
    if target.backend == "cuda":
        return ""
    if precision := PRECISION.search(str(error)):
        return f"{target.name} has no products in {precision[1]}"
    if not isinstance(error, KeyError):
        return ""
    found = UNRECOGNISED.search(str(error))
    return f"{found[1]} is NVIDIA's alone" if found and found[1] in _options() else ""


@cache
def _options() -> frozenset[str]:
    """Launch options of NVIDIA's compiler that AMD's lacks."""
    from triton.backends.amd.compiler import HIPOptions
    from triton.backends.nvidia.compiler import CUDAOptions

    return frozenset(CUDAOptions.__dataclass_fields__) - frozenset(HIPOptions.__dataclass_fields__)
