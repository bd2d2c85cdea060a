"""The public functions do what the commands do, import nothing until they are called, and say when they are hidden."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import api
from harness.errors import ExitStatus
from harness.values.measurement import Status
from tests.conftest import REPOSITORY
from tests.suite.suite_files import SUITE, write_suite

MATCH = "int4_mm@gdn_in"


def python(code: str, cwd: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)


def test_a_run_and_its_arms_compared(tmp_path: Path) -> None:
    """The cases of the plan are those of the run, with samples in us; two arms of one run get a verdict."""
    suite = api.load_suite(write_suite(tmp_path, "    sdpa: torch_sdpa\n", "    int4_mm: torch_int4pack\n"))
    heard: list[str] = []
    run = api.run(
        suite, match=MATCH, stages=("kernels",), rounds=2, store=api.Store(str(tmp_path / "runs.sqlite")),
        report=lambda stage, *_: heard.append(stage),
    )  # fmt: skip
    planned = api.plan(suite, match=MATCH).cases
    assert [found.case.id for found in run.measurements] == [case.id for case in planned]
    assert all(sample.value_us > 0 for found in run.measurements for sample in found.samples) and set(heard) == {
        "kernels"
    }
    comparison = api.compare(run, run, base_arm="baseline", head_arm="other")
    assert [verdict.metric for verdict in comparison.verdicts] == ["kernel_us"] and comparison.exit_status in ExitStatus
    with pytest.raises(api.HarnessError, match="no case in common"):
        api.compare(run, run, base_arm="baseline", head_arm="nobody")


def test_each_suite_is_run_with_its_own_kernels(tmp_path: Path) -> None:
    """Of two suites in one program, the one beside kernels that compute something else is wrong, the other right."""
    shutil.copytree(REPOSITORY / "kernels", tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__", "tuned"))
    (tmp_path / "kernels" / "LIBRARY").touch()
    blocked = tmp_path / "kernels" / "int4_mm" / "torch_blocked.py"
    blocked.write_text(blocked.read_text() + "\n\nright = run\n\n\ndef run(x, weight, scale, group, *, block_n=64):\n"
                       "    return right(x, weight, scale * 2, group, block_n=block_n)\n")  # fmt: skip
    (tmp_path / "suites").mkdir()
    shutil.copy(REPOSITORY / "suites" / "models.yaml", tmp_path / "suites")
    store = api.Store(str(tmp_path / "runs.sqlite"))
    theirs = api.load_suite(write_suite(tmp_path / "suites"))
    ours = api.load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml")
    found = [
        api.run(suite, arms=["baseline"], match=MATCH, stages=("kernels",), rounds=1, store=store).measurements
        for suite in (ours, theirs)
    ]
    assert [measured.status for [measured] in found] == [Status.OK, Status.INCORRECT]


def test_a_wrong_name_is_said_before_a_process_starts(tmp_path: Path) -> None:
    suite = api.load_suite(write_suite(tmp_path))
    for wrong in ({"arms": ["otter"]}, {"match": "sdpb"}):
        with pytest.raises(api.HarnessError, match=r"did you mean other|no id contains"):
            api.run(suite, store=api.Store(str(tmp_path / "runs.sqlite")), **wrong)  # type: ignore[arg-type]
    without = write_suite(tmp_path, text=SUITE[: SUITE.index("sweep:")])
    with pytest.raises(api.HarnessError, match="this suite has none"):
        api.sweep(api.load_suite(without), store=api.Store(str(tmp_path / "runs.sqlite")))
    assert not (tmp_path / "runs.sqlite").exists()


def test_breakdown_reads_a_trace() -> None:
    trace = sorted((REPOSITORY / "tests" / "data" / "traces").glob("*.json.gz"))[0]
    assert api.breakdown(trace).kernels


def test_every_name_of_the_package_is_there_and_says_what_it_does() -> None:
    assert [name for name in api.__all__ if not getattr(api, name).__doc__] == []
    with pytest.raises(AttributeError, match="no attribute 'measure'"):
        _ = api.measure


def test_the_package_is_light_and_says_who_hides_it(tmp_path: Path) -> None:
    """Neither torch nor msgspec before a call; another `harness` in the way is named in one line."""
    (tmp_path / "kernel_harness").symlink_to(REPOSITORY / "harness" / "api")
    light = "import kernel_harness, sys; print({'torch', 'msgspec', 'yaml', 'sqlalchemy'} & set(sys.modules))"
    assert python(light, tmp_path, tmp_path, REPOSITORY).stdout == "set()\n"
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("")
    hidden = python("import kernel_harness", tmp_path, tmp_path, REPOSITORY)
    assert f"ImportError: kernel_harness: `import harness` finds another project's, {tmp_path}" in hidden.stderr
