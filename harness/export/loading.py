"""Loads a package that AOTInductor made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from harness.errors import CaseFailed


def load(package: Path, single_threaded: bool) -> Any:
    """Load a package. `single_threaded`: without streams and events of its own, so that a CUDA graph can be captured.
    Raises CaseFailed where torch refuses it.

    It does not use `aoti_load_package`, which hides the first error behind that of a second way to load.
    """
    from torch.export.pt2_archive._package import AOTICompiledModel

    try:
        loader = torch._C._aoti.AOTIModelPackageLoader(str(package), "model", single_threaded, 1, -1)
    except RuntimeError as error:
        from harness.measure.failure import first_line

        raise CaseFailed(f"the package cannot be loaded: {first_line(error)}") from error
    return AOTICompiledModel(loader)
