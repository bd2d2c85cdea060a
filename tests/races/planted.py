"""The kernels of this folder by name, and what each says of itself.

OP, DIMS: what it is tried as. KIND: what the interpreter's watch calls its mistake, at the line that ends in `here`.
GUARD: what a check says, where it can. TOOL: of compute-sanitizer, that names the line on a GPU.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PLANTED = {
    file.stem: file for file in sorted(FOLDER.glob("*.py"))
    if file.stem not in ("__init__", "drive", "planted") and not file.stem.startswith("test_")
}  # fmt: skip
USUAL_DIMS = {"tokens": 3, "hidden": 37}


def declared(file: Path) -> dict[str, Any]:
    """The constants of a kernel's file, read without importing it."""
    found: dict[str, Any] = {}
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:  # no constant
                continue
    return found


def dims_of(says: dict[str, Any]) -> dict[str, int]:
    return dict(says.get("DIMS", USUAL_DIMS))


def planted_line(file: Path) -> int:
    return next(n for n, line in enumerate(file.read_text().splitlines(), 1) if line.endswith(("# here", "// here")))
