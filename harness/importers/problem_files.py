"""The files that a SOURCE selects: one, those of a folder, or those of a pattern."""

from __future__ import annotations

import glob
from pathlib import Path

from harness.errors import HarnessError

PATTERNS = {
    "kernelbench": ("*.py",),
    "flashinfer-bench": ("definitions/**/*.json", "definition.json", "*.json"),
    "hf-kernels": ("benchmarks/benchmark*.py", "benchmarks/*.py", "benchmark*.py"),
    "tritonbench": ("operator.py",),
}
"""By kind, the locations of problems in a folder: the first pattern with any match is used."""


def find_problems(kind: str, source: str) -> list[Path]:
    """The files in the order of their names, numbers by value. Raises HarnessError where there are none."""
    path = Path(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        for pattern in PATTERNS[kind]:
            found = [
                file
                for file in path.rglob(pattern)
                if file.is_file() and not {"__pycache__", "__init__.py"} & set(file.parts)
            ]
            if found:
                return sorted(found, key=_in_order)
        raise HarnessError(f"{source}: holds no {' or '.join(PATTERNS[kind])}")
    found = [Path(name) for name in glob.glob(source, recursive=True) if Path(name).is_file()]
    if not found:
        raise HarnessError(f"{source}: no such file or folder, and no file has such a name")
    return sorted(found, key=_in_order)


def _in_order(file: Path) -> tuple[str, int, str]:
    digits = file.name.partition("_")[0]
    return str(file.parent), int(digits) if digits.isdigit() else 0, file.name
