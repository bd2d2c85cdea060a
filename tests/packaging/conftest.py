"""The wheel, built once from a copy of the tree."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.environment import run

ROOT = Path(__file__).parents[2]
TREE = ("harness", "kernels", "reports", "suites", "pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in")


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes copies of what a wheel is built from, so that no build leaves anything in the checkout."""

    def copy() -> Path:
        folder = tmp_path_factory.mktemp("tree")
        ignored = shutil.ignore_patterns("__pycache__", "cpu-*.json")
        for name in TREE:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=ignored)
            else:
                shutil.copy(source, folder)
        return folder

    return copy


@pytest.fixture(scope="session")
def new_op_tree(tree: Callable[[], Path]) -> Path:
    """A copy with an op of its own, as somebody adds it: files, and no other edit."""
    folder = tree()
    op = folder / "kernels" / "brand_new_op"
    (op / "tuned").mkdir(parents=True)
    (op / "spec.py").write_text("NAME = 'brand new'\n")
    for device in ("nvidia-a-gpu", "cpu-of-somebody"):
        (op / "tuned" / f"{device}.json").write_text("{}\n")
    samples = folder / "reports" / "samples"
    samples.mkdir(exist_ok=True)
    (samples / "run.json").write_text("{}\n")
    return folder


@pytest.fixture(scope="session")
def wheel(new_op_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(new_op_tree))
    (built,) = out.glob("kernel_harness-*.whl")
    return built
