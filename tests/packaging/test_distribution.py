"""Wheel and source archive of a release: one wheel from both, and in it only what an installation needs."""

from __future__ import annotations

import re
import tarfile
import zipfile
from email import message_from_bytes
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from sessions.distribution import build, differences
from sessions.tag import version_of
from tests.packaging.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("distribution")]
CODE = ("harness", "harness_kernels", "harness_reports", "kernel_harness")
DATA = (
    "harness/py.typed", "harness/explain/words.yaml", "harness/skeleton/*.j2", "harness_kernels/*/tuned/nvidia-*.json",
    "harness_reports/schemas/*.json", "harness_reports/templates/*.html.j2", "harness_reports/templates/*.css",
    "harness_reports/templates/*.js", "harness_suites/*.yaml", "harness_suites/suite.schema.json",
    "*.dist-info/licenses/LICENSE", "*.dist-info/METADATA", "*.dist-info/RECORD", "*.dist-info/WHEEL",
    "*.dist-info/entry_points.txt", "*.dist-info/top_level.txt",
)  # fmt: skip
"""All of a wheel but the modules of CODE."""
SDIST_DATA = (
    "*.md", "LICENSE", "CITATION.cff", "MANIFEST.in", "PKG-INFO", "constraints.txt", "pyproject.toml", "setup.cfg",
    "kernel_harness.egg-info/*", "harness/*", "kernels/*", "reports/*", "suites/*",
)  # fmt: skip
LARGEST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def names(distribution: tuple[Path, Path]) -> list[str]:
    with zipfile.ZipFile(distribution[0]) as wheel:
        return wheel.namelist()


def test_the_wheel_has_the_modules_the_data_and_nothing_else(names: list[str]) -> None:
    """Each module of a checkout is there once for each import name; every other file matches DATA, and every pattern of
    DATA has a file."""
    sources = {
        "harness": "harness",
        "kernels": "harness_kernels",
        "reports": "harness_reports",
        "harness/api": "kernel_harness",
    }
    modules = {
        f"{package}/{file.relative_to(ROOT / folder).as_posix()}"
        for folder, package in sources.items()
        for file in (ROOT / folder).rglob("*.py")
        if "samples" not in file.parts
    }
    assert {name for name in names if name.endswith(".py")} == modules
    others = [name for name in names if not name.endswith(".py")]
    assert [name for name in others if not any(fnmatchcase(name, pattern) for pattern in DATA)] == []
    assert [pattern for pattern in DATA if not any(fnmatchcase(name, pattern) for name in others)] == []


def test_the_source_archive_has_what_builds_and_nothing_else(distribution: tuple[Path, Path]) -> None:
    """No stored run, no test, no tuned file of somebody's processor."""
    with tarfile.open(distribution[1]) as files:
        names = [name.partition("/")[2] for name in files.getnames() if files.getmember(name).isfile()]
    scripts = ("setup.py", "noxfile.py", "sessions/")
    assert [n for n in names if not n.startswith(scripts) and not any(fnmatchcase(n, p) for p in SDIST_DATA)] == []
    assert not [name for name in names if re.search(r"samples/|/tuned/cpu-|\.pyc$|^tests/", name)]


def test_both_are_small(distribution: tuple[Path, Path]) -> None:
    """A stored run or a trace in one of them would be larger than all of the rest."""
    assert all(file.stat().st_size < LARGEST_BYTES for file in distribution)


def test_their_version_is_that_of_the_package(distribution: tuple[Path, Path]) -> None:
    """One place has it."""
    version = version_of()
    with zipfile.ZipFile(distribution[0]) as wheel:
        [metadata] = [name for name in wheel.namelist() if name.endswith("METADATA")]
        assert message_from_bytes(wheel.read(metadata))["Version"] == version
    assert [file.name.split("-")[1].removesuffix(".tar.gz") for file in distribution] == [version, version]
    assert version not in (ROOT / "pyproject.toml").read_text() + (ROOT / "CITATION.cff").read_text()


def test_a_file_that_only_the_tree_has_is_named(tmp_path: Path) -> None:
    """The planted fault: a package whose source archive lacks a file that its wheel has."""
    tree = tmp_path / "tree"
    (tree / "planted").mkdir(parents=True)
    for name in ("__init__.py", "data.txt"):
        (tree / "planted" / name).write_text("")
    (tree / "MANIFEST.in").write_text("exclude planted/data.txt\n")
    (tree / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "planted"\nversion = "1"\n[tool.setuptools]\npackages = ["planted"]\n'
        'include-package-data = false\n[tool.setuptools.package-data]\nplanted = ["data.txt"]\n'
    )
    with pytest.raises(SystemExit, match=r"gives another wheel: .*planted/data.txt"):
        build(tree, tmp_path / "out")


def test_differences_are_named(tmp_path: Path) -> None:
    for name, text in (("a.whl", "one"), ("b.whl", "two")):
        with zipfile.ZipFile(tmp_path / name, "w") as wheel:
            wheel.writestr("same.py", "")
            wheel.writestr("other.py", text)
    assert differences(tmp_path / "a.whl", tmp_path / "b.whl") == ["other.py"]
