"""Identity of compiled kernels of both makers: intermediate code without source locations, and folders of Triton's
cache.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

LOCATION = re.compile(r"^#loc.*$|\s*loc\(.*\)$", re.M)


def code_hash(text: str) -> str:
    """Hash of Triton's intermediate code without its source locations; empty for empty code."""
    return hashlib.sha256(LOCATION.sub("", text).encode()).hexdigest() if text else ""


def cache_folder(kernel: Any) -> str:
    """The name of the folder in Triton's disk cache that holds a compiled kernel."""
    return next((Path(path).parent.name for path in kernel.metadata_group.values()), "")
