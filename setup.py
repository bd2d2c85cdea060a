"""Which folder is installed under which import name; everything else is in `pyproject.toml`.

Discovered, so that a new op, variant or suite needs no edit here. Every folder below the four is a package, with or
without an `__init__.py`, under a name of our own: Hugging Face publishes a package that is named `kernels`, and no file
may be shared with it. `kernel_harness` is the public face of `harness`, under a name that no other project has.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

FOLDERS = {
    "harness": "harness", "harness_kernels": "kernels", "harness_reports": "reports", "harness_suites": "suites",
    "kernel_harness": "harness/api",
}  # fmt: skip
NOT_INSTALLED = {"__pycache__", "samples"}
DATA = ["*.yaml", "*.json", "*.j2", "*.css", "*.js", "py.typed"]
TUNED_ON_THIS_CPU = ["cpu-*.json"]


def packages(name: str, folder: Path) -> list[str]:
    """`harness_kernels`, `harness_kernels.int4_mm`, ...: the folder and every folder below it, as import names."""
    below = sorted(child for child in folder.iterdir() if child.is_dir() and child.name not in NOT_INSTALLED)
    return [name, *(found for child in below for found in packages(f"{name}.{child.name}", child))]


setup(
    packages=[found for name, folder in FOLDERS.items() for found in packages(name, Path(folder))],
    package_dir=FOLDERS,
    package_data={"": DATA},
    exclude_package_data={"": TUNED_ON_THIS_CPU},
    include_package_data=False,
)
