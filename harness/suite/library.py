"""The folder of suites, models and rules that belongs to a folder of kernels."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from harness import kernels_root

MODELS = "models.yaml"
"""A file that every such folder has."""


def library_folder(root: Path | None = None) -> Path | None:
    """The folder of suites that belongs to a folder of kernels: beside it in a checkout, installed as `harness_suites`.
    root: the folder of kernels, None for the one that this process runs."""
    root = root or kernels_root.in_use()
    if (root.parent / "suites" / MODELS).is_file():
        return root.parent / "suites"
    spec = importlib.util.find_spec("harness_suites")
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in places if (place / MODELS).is_file()), None)
