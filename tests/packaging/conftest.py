"""The wheel, built once from a copy of the tree."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sessions.distribution import build
from tests.packaging.environment import Environment, run

ROOT = Path(__file__).parents[2]
TREE = (
    "harness", "kernels", "reports", "suites", "sessions", "pyproject.toml", "setup.py", "constraints.txt",
    "noxfile.py", "LICENSE", "MANIFEST.in", "CITATION.cff",
)  # fmt: skip


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes copies of what a wheel is built from, so that no build leaves anything in the checkout."""

    def copy() -> Path:
        folder = tmp_path_factory.mktemp("tree")
        ignored = shutil.ignore_patterns("__pycache__", "cpu-*.json")
        for source in (*(ROOT / name for name in TREE), *ROOT.glob("*.md")):
            name = source.name
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


@pytest.fixture(scope="session")
def distribution(tree: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Wheel and source archive: those in the folder HARNESS_DISTRIBUTION, as `nox -s release` built them, else made of
    this checkout."""
    if given := os.environ.get("HARNESS_DISTRIBUTION"):
        [wheel], [sdist] = (list((ROOT / given).glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
        return wheel, sdist
    checkout = tree()
    (checkout / "tests").mkdir()  # setuptools adds modules of tests that it finds
    shutil.copy(ROOT / "tests" / "test_api.py", checkout / "tests")
    return build(checkout, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(distribution: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs of an environment that has the wheel: HARNESS_INSTALLED's, else one which sees the
    packages beside these tests."""
    if given := os.environ.get("HARNESS_INSTALLED"):
        return ROOT / given / "bin"
    environment = Environment(tmp_path_factory.mktemp("installed") / "environment")
    environment.pip("install", "--no-deps", distribution[0])
    return environment.python.parent
