"""The section `compilers` of a suite file."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

_SOME = {"uniqueItems": True, "minItems": 1}


class CompilersAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The versions of Triton that `harness compilers` compiles a suite's kernels with, and the targets."""

    triton: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...],
        Meta(
            description="versions, newest, installed, wheels or folders of builds, oldest first",
            extra_json_schema=_SOME,
        ),
    ] = ("installed",)
    targets: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...], Meta(description="sm_90, gfx942, ...", extra_json_schema=_SOME)
    ] = ("sm_80", "sm_90", "gfx942")
    base: Annotated[
        str,
        Meta(
            description="the version in use; left out: the installed one, else the first",
            extra_json_schema={"minLength": 1},
        ),
    ] = ""
    neighbours: Annotated[bool, Meta(description="compile the configurations beside the chosen one, too")] = True
