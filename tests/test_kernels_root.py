"""A process has one folder of kernels: the suite's own, or the installed one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness import kernels_root
from harness.errors import HarnessError
from tests.conftest import REPOSITORY


def test_the_kernels_beside_or_above_a_suite_are_its_kernels(tmp_path: Path) -> None:
    """Found from the suite's folder upwards, not beyond the repository's root; else those that came with the
    harness."""
    (tmp_path / "repo" / "suites" / "mine").mkdir(parents=True)
    suite = tmp_path / "repo" / "suites" / "mine" / "x.yaml"
    assert kernels_root.find(suite) == kernels_root.installed() == REPOSITORY / "kernels"
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "contract.py").touch()
    assert kernels_root.find(suite) == tmp_path / "kernels"
    (tmp_path / "repo" / ".git").mkdir()
    assert kernels_root.find(suite) == REPOSITORY / "kernels"
    (tmp_path / "repo" / "kernels").mkdir()
    assert kernels_root.find(suite) == REPOSITORY / "kernels", "a folder without contract.py is somebody else's"
    (tmp_path / "repo" / "kernels" / "contract.py").touch()
    assert kernels_root.find(suite) == tmp_path / "repo" / "kernels"


def test_a_second_folder_is_refused(tmp_path: Path) -> None:
    """The same folder again is no change, another one an error, and so is one that holds no kernels."""
    kernels_root.bind(REPOSITORY / "kernels")
    with pytest.raises(HarnessError, match=r"not a folder of kernels: it has no contract\.py"):
        kernels_root.bind(tmp_path)
    (tmp_path / "contract.py").touch()
    with pytest.raises(HarnessError, match=r"this process uses the kernels of .* already"):
        kernels_root.bind(tmp_path)
    assert kernels_root.bound_root() == REPOSITORY / "kernels"


def test_another_folder_of_kernels_under_the_same_name(tmp_path: Path) -> None:
    """A fresh process that binds another folder imports that folder's modules, its ops without `__init__.py` too."""
    (tmp_path / "some_op").mkdir()
    (tmp_path / "contract.py").write_text("WHERE = 'elsewhere'\n")
    (tmp_path / "some_op" / "spec.py").write_text("from ..contract import WHERE\n")
    code = (
        "import sys; from pathlib import Path; from harness import kernels_root as k; k.bind(Path(sys.argv[1]));"
        "print(k.module('some_op.spec').WHERE, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert done.stdout.split() == ["elsewhere", "False"]
