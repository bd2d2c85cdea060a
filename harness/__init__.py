"""Profiles, times and compares GPU inference kernels and the decode that they make up.

In a notebook: `from harness import try_kernel, load`. Programs import `kernel_harness`, see `harness.api`: in this
package, names such as `plan` and `compare` are modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.attempt.notebook import load, try_kernel

__all__ = ["__version__", "load", "try_kernel"]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """The functions for notebooks, imported on first use: the command line starts without them."""
    if name in ("load", "try_kernel"):
        from harness.attempt import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
