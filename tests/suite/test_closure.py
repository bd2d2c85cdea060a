"""A variant's source is all that its code is made of, and nothing else."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from harness.suite.closure import closure_hash, source_files
from tests.conftest import REPOSITORY

KERNELS = REPOSITORY / "kernels"


def test_a_variant_is_its_file_and_what_it_imports() -> None:
    """moe_down's kernel steps through moe_gate_up's; torch and Triton are nobody's source."""
    found = source_files(KERNELS / "moe_down" / "triton_vecmat.py")
    assert found == (KERNELS / "moe_down" / "triton_vecmat.py", KERNELS / "moe_gate_up" / "triton_vecmat.py")


def own(folder: Path) -> Path:
    """A variant beside a suite that imports a module beside it, which imports one of the kernels'."""
    folder.mkdir()
    (folder / "idea.py").write_text(
        "from typing import Any\nimport torch\nfrom trick import fast\ndef run(x, y): ...\n"
    )
    (folder / "trick.py").write_text("import nowhere\nfrom harness_kernels.packing import dequantise\nfast = 1\n")
    (folder / "unrelated.py").write_text("")
    return folder


def test_a_file_beside_a_suite_brings_its_neighbours(tmp_path: Path) -> None:
    folder = own(tmp_path / "suite")
    found = source_files(folder / "idea.py")
    assert found == (folder / "idea.py", folder / "trick.py", KERNELS / "packing.py")


@pytest.mark.parametrize(("file", "same"), [("idea.py", False), ("trick.py", False), ("unrelated.py", True)])
def test_the_hash_changes_with_any_of_them(tmp_path: Path, file: str, same: bool) -> None:
    folder = own(tmp_path / "suite")
    before = closure_hash(folder / "idea.py")
    (folder / file).write_text((folder / file).read_text() + "# changed\n")
    assert (closure_hash(folder / "idea.py") == before) is same


def test_the_hash_does_not_know_where_the_folder_lies(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    folder = own(tmp_path / "a" / "suite")
    (tmp_path / "b").mkdir()
    shutil.copytree(folder, tmp_path / "b" / "suite")
    hashes = {closure_hash(tmp_path / side / "suite" / "idea.py") for side in "ab"}
    assert len(hashes) == 1


def test_a_variant_of_one_file_has_the_hash_of_its_text() -> None:
    file = KERNELS / "residual_add" / "torch_ops.py"
    assert closure_hash(file) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_package_brings_its_init_and_what_it_imports_by_its_full_name(tmp_path: Path) -> None:
    """`from pk.helper import x` in pk/k.py, a module at the repository's root, and one beside the package."""
    (tmp_path / ".git").mkdir()
    package = tmp_path / "suites" / "pk"
    package.mkdir(parents=True)
    files = {
        package / "k.py": "from pk.helper import x\nimport beside, tools.at_root\n",
        package / "helper.py": "x = 1\n",
        package / "__init__.py": "",
        package.parent / "beside.py": "",
        tmp_path / "tools" / "at_root.py": "",
        tmp_path / "unrelated.py": "",
    }
    (tmp_path / "tools").mkdir()
    for file, text in files.items():
        file.write_text(text)
    assert set(source_files(package / "k.py")) == files.keys() - {tmp_path / "unrelated.py"}
