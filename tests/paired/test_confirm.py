"""`harness confirm` over a made repository, from end to end: the history is made up, what confirms it is measured."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.device.host import cpu_name
from harness.plan import expand
from harness.revisions.git import commit_of
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.case import Case
from harness.values.environment import Environment
from harness.values.machine import Sniff
from harness.values.measurement import Measurement, Sample, Status
from harness.values.run import Run
from tests.paired.repository import SLOWER, SUITE, VARIANT, Repository, make

pytestmark = [pytest.mark.xdist_group("confirm"), pytest.mark.slow]

COMMITS, SLOW_AT = 16, 15
ONE = ("--suite", SUITE, "--rounds", "1", "--json")
HERE = Environment("cpu", cpu_name(), "3.12", "2.11", cpu_name(), 2, "Linux", method=3)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Sixteen commits after `fast`, the last but one makes the product slower. The store's history has a run of each,
    with a step of both cases at that commit, and a machine that was 20 % slow from then on."""
    found = make(tmp_path_factory.mktemp("confirm") / "repository")
    root, slow = found.root, (found.root / VARIANT).read_text()
    slower = SLOWER.replace("0.005", "0.012")  # told from the product in few pairs, however busy the machine is
    for number in range(1, COMMITS + 1):
        text = slow.replace(SLOWER, slower if number >= SLOW_AT else "    return out")
        (root / VARIANT).write_text(text)
        found.commit(f"c{number}", README=f"{number}\n")
    plan = expand(load_suite(root / SUITE))
    cases = [next(case for case in plan.cases if name in case.id) for name in ("int4_mm@gdn_in", "router@")]
    store = Store(str(root / ".harness" / "runs.sqlite"))
    for number in range(1, COMMITS + 1):
        commit, is_slow = commit_of(root, f"c{number}"), number >= SLOW_AT
        times = [(6.0 if is_slow else 1.0) * 100, (1.2 if is_slow else 1.0) * 20]
        jitter = 1 + 0.002 * (number % 3)
        store.add_run(_run(number, commit, cases, [t * jitter for t in times], 0.2 if is_slow else 0.0), f"u{number}")
    store.close()
    return found


def _run(number: int, commit: str, cases: list[Case], times: list[float], slower: float) -> Run:
    measured = tuple(
        Measurement(case, Status.OK, samples=tuple(Sample(us * f, 0, n) for n, f in enumerate((1.0, 1.001, 0.999))))
        for case, us in zip(cases, times, strict=True)
    )
    return Run(
        str(number), f"2026-01-{number:02}T00:00:00+00:00", "small", "h", "One product", "complete",
        environment=msgspec.structs.replace(HERE, commit=commit), planned=tuple(cases), measurements=measured,
        sniff=Sniff(socket.gethostname(), 20 / (1 + slower), 2500 * (1 + slower), 2.0, 0.05),
    )  # fmt: skip


def _harness(repository: Repository, *arguments: str) -> tuple[int, dict[str, Any], str]:
    done = repository.harness(*arguments)
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {}, done.stdout + done.stderr


def _states(document: dict[str, Any]) -> dict[str, str]:
    return {
        one["case"].partition("/")[0]: change["state"] for one in document["standings"] for change in one["changes"]
    }


def _pairs(repository: Repository) -> int:
    with sqlite3.connect(Path(repository.root, ".harness", "runs.sqlite")) as raw:
        return int(raw.execute("SELECT count(*) FROM slots").fetchone()[0])


def test_an_alarm_is_confirmed_past_a_kill(repository: Repository) -> None:
    """Both cases are suspected. A confirmation that was killed goes on with its pairs: the product's commit is named,
    the router's step is the machine's; asked once more, nothing is measured."""
    status, found, _ = _harness(repository, "history", "", "--changes", "--json")
    assert status == 0 and _states(found) == {"int4_mm@gdn_in": "suspected", "router@main": "suspected"}

    process = repository.start("confirm", *ONE)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("pair 2"):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=300)
    kept = _pairs(repository)
    status, found, said = _harness(repository, "confirm", *ONE)
    assert status == 1, said
    assert "pairs are kept; up to 4" in said and kept >= 4
    assert _states(found) == {"int4_mm@gdn_in": "confirmed", "router@main": "refuted"}
    product, router = (one["changes"][0]["confirmation"] for one in found["standings"])
    assert [commit["subject"] for commit in product["left"]] == [f"c{SLOW_AT}"]
    assert product["measured"]["low"] > 1.1 and product["by"] == "somebody <somebody@example.com>"
    assert router["answer"] == "the machine" and "20 % longer" in router["evidence"]

    before = _pairs(repository)
    assert _harness(repository, "confirm", *ONE)[0] == 1 and _pairs(repository) == before  # all is answered
