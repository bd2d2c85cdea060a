"""A process has one folder of kernels: the suite's own, or the installed one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import kernels_root
from harness.errors import HarnessError
from harness.plan import expand
from harness.suite.catalogue import kernels_of
from harness.suite.load import load_suite
from harness.values.suite import CallSite
from tests.conftest import REPOSITORY
from tests.suite.suite_files import write_suite


def test_a_folder_is_the_library_where_it_says_so(tmp_path: Path) -> None:
    """`kernels/` of a checkout of this harness, of any revision, and one that holds a file LIBRARY, found from the
    suite's folder upwards, not beyond the repository's root. Any other adds to those that came with the harness."""
    (tmp_path / "repo" / "suites" / "mine").mkdir(parents=True)
    suite = tmp_path / "repo" / "suites" / "mine" / "x.yaml"
    assert kernels_root.find(suite) == kernels_root.installed() == REPOSITORY / "kernels"
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "contract.py").touch()
    assert kernels_root.find(suite) == REPOSITORY / "kernels"
    assert kernels_root.folder_above(suite.parent) == tmp_path / "kernels"
    (tmp_path / "kernels" / "LIBRARY").touch()
    assert kernels_root.find(suite) == tmp_path / "kernels"
    (tmp_path / "repo" / ".git").mkdir()
    assert kernels_root.find(suite) == REPOSITORY / "kernels"
    (tmp_path / "repo" / "kernels").mkdir()
    (tmp_path / "repo" / "harness").mkdir()
    (tmp_path / "repo" / "harness" / "kernels_root.py").touch()
    assert kernels_root.find(suite) == REPOSITORY / "kernels", "a folder without contract.py is no library"
    (tmp_path / "repo" / "kernels" / "contract.py").touch()
    assert kernels_root.find(suite) == tmp_path / "repo" / "kernels"


def test_a_second_folder_to_run_is_refused(tmp_path: Path) -> None:
    """The same folder again is no change, another one an error, and so is one that holds no kernels."""
    kernels_root.bind(REPOSITORY / "kernels")
    with pytest.raises(HarnessError, match=r"not a folder of kernels: it has no contract\.py"):
        kernels_root.bind(tmp_path)
    (tmp_path / "contract.py").touch()
    with pytest.raises(HarnessError, match=r"this process runs the kernels of .* already; it can read"):
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


SDPA = CallSite("decode", "sdpa", "main")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A suite beside kernels of its own: sdpa's default is another, and costs are by a module that it imports from
    `harness_kernels`, the name by which it knows itself."""
    shutil.copytree(REPOSITORY / "kernels", tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__", "tuned"))
    (tmp_path / "kernels" / "LIBRARY").touch()
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "models.yaml").write_text((REPOSITORY / "suites" / "models.yaml").read_text())
    spec = tmp_path / "kernels" / "sdpa" / "spec.py"
    spec.write_text(
        spec.read_text().replace("def cost(", "def cost_of_before(", 1)
        + "\n\nimport harness_kernels.twice\nfrom harness_kernels import contract\n\n\n"
        "def cost(dims):\n    return contract.Cost(harness_kernels.twice.TWO, 0, 0)\n"
    )
    (tmp_path / "kernels" / "twice.py").write_text("TWO = 2\n")
    shutil.copy(tmp_path / "kernels" / "sdpa" / "torch_sdpa.py", tmp_path / "kernels" / "sdpa" / "torch_twice.py")
    return write_suite(tmp_path / "suites", "    sdpa: torch_sdpa\n", "    sdpa: torch_twice\n")


def test_two_suites_with_kernels_of_their_own_in_one_process(other: Path, tmp_path: Path) -> None:
    """Both are loaded and planned, each by its own specs, variants and contract, in either order and again."""
    for _ in range(2):
        mine, theirs = load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml"), load_suite(other)
        here, there = kernels_of(mine), kernels_of(theirs)
        assert (here.root, there.root) == (REPOSITORY / "kernels", tmp_path / "kernels")
        assert "torch_twice" in there.variants("sdpa") and "torch_twice" not in here.variants("sdpa")
        dims = here.spec("sdpa").test_shapes[0]
        assert there.spec("sdpa").cost(dims).read_bytes == 2 < here.spec("sdpa").cost(dims).read_bytes
        assert type(there.spec("sdpa").op) is not type(here.spec("sdpa").op), "each has a contract of its own"
        answers = [expand(suite).answers[arm][SDPA] for suite, arm in ((mine, "baseline"), (theirs, "other"))]
        assert [answer.variant for answer in answers] == ["torch_sdpa", "torch_twice"]
    assert kernels_root.bound_root() == REPOSITORY / "kernels"


def test_reading_another_folder_writes_no_byte_code_and_needs_no_torch(other: Path) -> None:
    """Its text is compiled under another name: byte code beside it would be wrong for whoever binds the folder."""
    code = (
        "import sys; from pathlib import Path; from harness.suite.load import load_suite;"
        "from harness.plan import expand;"
        "[expand(load_suite(Path(p))) for p in sys.argv[1:]]; print('torch' in sys.modules)"
    )
    suites = [REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml", other]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, suites)], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert done.stdout.split() == ["False"]
    assert not list((other.parent.parent / "kernels").rglob("*.pyc"))


def test_a_model_of_the_other_folder_is_not_run_here(other: Path) -> None:
    """A clear line, not the kernels of the wrong folder under the right names."""
    from harness.decode.suite_model import SuiteModel

    with pytest.raises(HarnessError, match=r"this process runs the kernels of .* already; it can read .* not run it"):
        SuiteModel(expand(load_suite(other)), "cpu")


def test_a_folder_that_is_only_read_is_not_bound(other: Path) -> None:
    """What such a suite is planned with is not what the process runs, nor what belongs to this harness."""
    code = (
        "import sys; from pathlib import Path; from harness import kernels_root as k;"
        "from harness.suite.load import load_suite; from harness.plan import expand;"
        "expand(load_suite(Path(sys.argv[1]))); print(k.bound_root(), k.in_use() == k.installed())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(other)], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert done.stdout.split() == ["None", "True"]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("sdpa/spec.py", "import gone_away\n", "ModuleNotFoundError: No module named 'gone_away'"),
        ("sdpa/spec.py", "OP = 1\n", "AttributeError: .* has no attribute 'cost'"),
        ("models/qwen3_5_moe/layout.py", "def uses(:\n", "SyntaxError: invalid syntax"),
    ],
)
def test_a_broken_spec_is_one_line_with_its_file(other: Path, file: str, text: str, said: str) -> None:
    broken = other.parent.parent / "kernels" / file
    broken.write_text(text)
    with pytest.raises(HarnessError, match=rf"^{re.escape(str(broken))}: {said}") as raised:
        load_suite(other)
    assert "\n" not in str(raised.value)
