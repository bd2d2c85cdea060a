"""What is in the wheel, and that an editable install follows the tree."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.environment import Environment

FOLDERS = {
    "harness": "harness", "kernels": "harness_kernels", "reports": "harness_reports", "suites": "harness_suites",
    "harness/api": "kernel_harness",
}  # fmt: skip


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_every_module_of_the_tree_is_in_the_wheel(new_op_tree: Path, names: set[str]) -> None:
    """Each module and each suite is installed, under the name of its folder: the mapping is discovered, not listed."""
    for folder, package in FOLDERS.items():
        for path in (new_op_tree / folder).rglob("*"):
            inside = path.relative_to(new_op_tree / folder)
            if path.suffix in {".py", ".yaml"} and "samples" not in inside.parts:
                assert f"{package}/{inside.as_posix()}" in names


def test_nothing_else_is_in_the_wheel(names: set[str]) -> None:
    """No folder `kernels`, no tests: only our own names at the top, beside the metadata."""
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} <= set(FOLDERS.values())


def test_tuned_files_of_gpus_are_installed_and_those_of_a_cpu_are_not(names: set[str]) -> None:
    """What a sweep found on a GPU travels; what the demo found on somebody's processor, and stored samples, stay."""
    assert "harness_kernels/brand_new_op/tuned/nvidia-a-gpu.json" in names
    assert not [name for name in names if "/tuned/cpu-" in name or "/samples/" in name]


def test_an_installed_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """The script answers, and ops are importable under our name by modules that import one another relatively."""
    environment = Environment(tmp_path / "env")
    environment.pip("install", "--no-deps", wheel)
    assert "doctor" in environment.says(
        "import subprocess; print(subprocess.check_output(['../../bin/harness', '--help']))"
    )
    assert environment.says("from harness_kernels.moe_down.spec import OP; print(OP.inputs[0].name)") == "gate_up\n"
    assert environment.says("import kernel_harness, sys; print('msgspec' in sys.modules)") == "False\n"


def test_an_editable_install_follows_the_tree(tree: Callable[[], Path], tmp_path: Path) -> None:
    """An op and a command's module that are added after the install are importable without another."""
    folder = tree()
    environment = Environment(tmp_path / "env")
    environment.pip("install", "--no-deps", "--no-build-isolation", "--editable", folder)
    (folder / "kernels" / "added_later").mkdir()
    (folder / "kernels" / "added_later" / "spec.py").write_text("from ..contract import Cost\n")
    (folder / "harness" / "added_later.py").write_text("")
    printed = environment.says(
        "import harness_kernels.added_later.spec as spec, harness.added_later; print(spec.__file__)"
    )
    assert printed == f"{folder}/kernels/added_later/spec.py\n"
