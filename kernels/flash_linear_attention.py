"""Checks for flash-linear-attention, whose kernels are variants of several ops: a user's usual choice instead of ours.

Nothing of it is imported before a kernel runs.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

OLDEST = (0, 6)
"""From this version on its kernels take gates before their activation, and its modules are where the variants look."""


def missing() -> str | None:
    """The package to install, in one line; None where it can be imported."""
    if any(find_spec(name) is None for name in ("fla", "einops")):
        return "needs flash-linear-attention, which is not installed: pip install 'kernel-harness[fla]'"
    try:
        found = version("fla-core")
    except PackageNotFoundError:  # a folder on the path: taken as it is
        return None
    if tuple(int(part) for part in re.findall(r"\d+", found)[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return f"needs flash-linear-attention {oldest} or later, not {found}: pip install 'kernel-harness[fla]'"
    return None
