"""What every test has: the kernels of this checkout under the name that the harness gives them."""

from __future__ import annotations

from pathlib import Path

from harness import kernels_root

REPOSITORY = Path(__file__).resolve().parent.parent

kernels_root.bind(REPOSITORY / "kernels")
