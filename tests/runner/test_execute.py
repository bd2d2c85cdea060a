"""A whole run with real workers: what dies is a row, what was measured stays."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from harness.cli.execute import execute as execute_suite
from harness.errors import HarnessError
from harness.plan import expand
from harness.runner.execute import Execution
from harness.runner.stage import STAGES, Options, Report, stages_named
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.environment import Environment
from harness.values.measurement import Status
from harness.values.run import Run
from harness.values.suite import Plan
from tests.conftest import REPOSITORY
from tests.suite.suite_files import write_suite

TINY = (REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml").read_text()
DIES = "import os\n\n\ndef run(x, weight, scale, group):\n    os.abort()\n"
MATCH = "router,lm_head"
HANGS = "import time\n\n\ndef run(x, weight, scale, group):\n    time.sleep(60)\n"


def suite_with(folder: Path, variant: str) -> Path:
    """The tiny suite, `baseline` with one variant for all int4 products and decode left out."""
    text = TINY[: TINY.index("\ndecode:") + 1].replace("int4_mm: torch_blocked", f"int4_mm: {variant}", 1)
    text = text.replace(
        "ops: [moe_gate_up, moe_down, int4_mm, sdpa, gated_delta_rule, router]", "ops: [int4_mm, router]"
    )
    return write_suite(folder, text=text)


def execute(path: Path, store: Store, report: Report = lambda *_: None, **options: Any) -> Run:
    """The cases of the router and of one int4 product."""
    suite = load_suite(path)

    def make_plan(environment: Environment) -> Plan:
        return expand(suite, arms=["baseline"], match=MATCH, device_slug=environment.slug, triton=environment.triton)

    settings = Options(stages=("kernels",), rounds=1, **options)
    return store.load(Execution(suite, make_plan, store, settings, report).run())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "runs.sqlite"))


def test_two_processes_measure_every_case_and_keep_the_source(tmp_path: Path, store: Store) -> None:
    run = execute(suite_with(tmp_path, "torch_blocked"), store, processes=2, note="n")
    assert run.state == "complete" and run.note == "n" and run.environment is not None
    assert {s.process for m in run.measurements for s in m.samples} == {0, 1}
    assert all(m.status is Status.OK for m in run.measurements) and len(run.measurements) == 2
    blocked = next(m for m in run.measurements if m.case.op == "int4_mm")
    assert blocked.source is not None and "def run(" in run.sources[blocked.source]
    assert run.suite_hash in run.sources and len(run.conditions) == 4


def test_a_kernel_that_kills_its_process_is_a_row_and_the_others_are_measured(tmp_path: Path, store: Store) -> None:
    (tmp_path / "dies.py").write_text(DIES)
    run = execute(suite_with(tmp_path, "./dies.py"), store)
    status = {m.case.op: m for m in run.measurements}
    assert status["int4_mm"].status is Status.FAILED and "signal 6" in status["int4_mm"].reason
    assert status["router"].status is Status.OK and status["router"].samples


def test_a_kernel_that_hangs_is_a_timeout(tmp_path: Path, store: Store) -> None:
    """A process may take long to start; the kernels of this suite take a second at most."""
    (tmp_path / "hangs.py").write_text(HANGS)
    run = execute(suite_with(tmp_path, "./hangs.py"), store, silence_limit_s=10.0)
    status = {m.case.op: m for m in run.measurements}
    assert status["int4_mm"].status is Status.TIMEOUT and "10 s" in status["int4_mm"].reason
    assert status["router"].status is Status.OK


def test_verifying_leaves_no_samples(tmp_path: Path, store: Store) -> None:
    run = execute(suite_with(tmp_path, "torch_blocked"), store, verify_only=True)
    assert [m.samples for m in run.measurements] == [(), ()] and run.state == "complete"


def test_unknown_stages_are_refused() -> None:
    assert stages_named(["decode"]) == ("decode",) and stages_named([]) == STAGES
    with pytest.raises(HarnessError, match=r"unknown stage kernel; allowed: .*did you mean kernels"):
        stages_named(["kernel"])


def test_a_store_that_refuses_a_row_ends_the_run_and_says_what_is_kept(tmp_path: Path, store: Store) -> None:
    """A disk that fills up: the run and its first case are there."""
    store.finish(store.begin(Run(id="", started="", suite="s", suite_hash="", title="", state="running")), "partial")
    with sqlite3.connect(tmp_path / "runs.sqlite") as raw:
        raw.execute(
            "CREATE TRIGGER full BEFORE INSERT ON measurements WHEN (SELECT count(*) FROM measurements) = 1 "
            "BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
        )
    suite = suite_with(tmp_path, "torch_blocked")
    options = Options(stages=("kernels",), rounds=1)
    with pytest.raises(HarnessError, match=r"runs.sqlite: disk is full; the results so far are kept as run 2"):
        execute_suite(suite, ["baseline"], MATCH, options, str(tmp_path / "runs.sqlite"))
    assert store.load("2").state == "partial" and len(store.load("2").measurements) == 1
