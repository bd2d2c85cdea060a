"""Our package, Hugging Face's `kernels` and `transformers` in one environment."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from tests.packaging.environment import Environment

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]

OURS = "import harness.cli.main, harness_kernels.moe_down.spec as spec; print(spec.__file__)"
SEEN_BY_TRANSFORMERS = "from transformers.utils import is_kernels_available as seen; print(seen('0.0.1', '999'))"
THEIRS = f"""\
import kernels, transformers.integrations.hub_kernels
print(kernels.__file__, kernels.get_kernel.__name__)
{SEEN_BY_TRANSFORMERS}
"""


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of Hugging Face's `kernels`, as pip gets it."""
    folder = tmp_path_factory.mktemp("hugging_face")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "kernels"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"pip cannot get Hugging Face's kernels here: {done.stderr.strip().splitlines()[-1]}")
    return next(folder.glob("kernels-*.whl"))


def files_of(environment: Environment, distribution: str) -> set[str]:
    """What pip recorded for a distribution, compiled files included."""
    (info,) = environment.packages.glob(f"{distribution}-*.dist-info")
    return {str(path) for path in PathDistribution(info).files or ()}


def test_both_work_in_either_order_and_alone_after_the_other_left(
    wheel: Path, hugging_face: Path, tmp_path: Path
) -> None:
    """In both orders of installing no file is shared and both import; whichever is removed, the other still works, and
    transformers sees `kernels` exactly as long as Hugging Face's is there, our checkout as current folder included."""
    environment = Environment(tmp_path / "env")
    environment.pip("install", "--no-deps", wheel)
    environment.pip("install", "--no-deps", hugging_face)
    _both_work(environment)

    environment.pip("uninstall", "--yes", "kernel-harness")
    _theirs_works(environment)
    assert not list(environment.packages.glob("harness*"))

    environment.pip("install", "--no-deps", wheel)
    _both_work(environment)

    environment.pip("uninstall", "--yes", "kernels")
    assert environment.says(OURS).startswith(str(environment.packages))
    assert environment.says(SEEN_BY_TRANSFORMERS, ROOT) == "False\n"


def _both_work(environment: Environment) -> None:
    assert not files_of(environment, "kernel_harness") & files_of(environment, "kernels")
    assert environment.says(OURS).startswith(str(environment.packages))
    _theirs_works(environment, ROOT)


def _theirs_works(environment: Environment, folder: Path | None = None) -> None:
    where, seen = environment.says(THEIRS, folder).splitlines()
    assert where.startswith(str(environment.packages)) and seen == "True"
