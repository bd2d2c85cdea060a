"""A store of very many runs: a few are stored as any run is, and copied by the database under other commits, times and
values. `python -m benchmarks.many_runs STORE RUNS` makes one, or grows it."""

from __future__ import annotations

import math
import random
import sys
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from harness.store import Store, database
from harness.values.case import Case, Implementation
from harness.values.closure import Closure, observed
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Sample, Status
from harness.values.run import Run

CASES, MACHINES, PROCESSES = 20, 4, 3
SUITE = "many"
AT_ONCE = 5_000

COPIED = """
INSERT INTO headers (run, body) SELECT r.id, t.body FROM runs r JOIN headers t ON t.run = (r.id - 1) % :machines + 1
WHERE r.id > :done
""", """
INSERT INTO measurements (run, process, case_id, body) SELECT r.id, t.process, t.case_id, t.body
FROM runs r JOIN measurements t ON t.run = (r.id - 1) % :machines + 1 WHERE r.id > :done
""", """
INSERT INTO sources (run, hash, content) SELECT r.id, t.hash, t.content
FROM runs r JOIN sources t ON t.run = (r.id - 1) % :machines + 1 WHERE r.id > :done
""", """
INSERT INTO points (run, series, started, "commit", position, status, reason, value_us, low_us, high_us, confidence, n,
                    level, noise, tree, fingerprint, code, context)
SELECT r.id, t.series, r.started, r.note, r.id, t.status, t.reason, t.value_us * f, t.low_us * f, t.high_us * f,
       t.confidence, t.n, t.level, t.noise, t.tree, t.fingerprint, t.code, t.context
FROM (SELECT id, started, note, 1 + 0.00001 * (id * 7919 % 1000 - 500) AS f FROM runs WHERE id > :done) r
JOIN points t ON t.run = (r.id - 1) % :machines + 1
"""  # fmt: skip
"""By table, from the run of the same machine among the first. Values scatter by 0.3 %."""


def case(number: int) -> Case:
    return Case(
        "kernel", "baseline", "int4-g32/bfloat16", {"tokens": 1}, op="int4_mm", site=f"site{number}",
        dims={"n": 64, "k": 32}, calls=1, answer=Implementation("triton_vecmat", {"block_n": 8}),
    )  # fmt: skip


def machine(number: int) -> Environment:
    return Environment(
        device_kind="cuda", device_name="NVIDIA H200", python="3.12.3", torch="2.11.0", cpu="synthetic", cpu_cores=16,
        platform="Linux", device_uuid=f"GPU-{number:08x}-0000", driver="570.00", cuda="13.0", triton="3.6.0",
        power_limit_w=700.0, clocks_policy="default", commit=f"{number:040x}", method=3, read_gb_s=4000.0,
    )  # fmt: skip


def run(number: int) -> Run:
    """One of the first, on its machine."""
    rng = random.Random(number)
    measured = []
    for of in range(CASES):
        medians = [(of + 1) * 5 * math.exp(rng.gauss(0, 0.003)) for _ in range(PROCESSES)]
        samples = tuple(Sample(m * f, p, r) for p, m in enumerate(medians) for r, f in enumerate((0.999, 1.0, 1.001)))
        measured.append(Measurement(case(of), Status.OK, samples=samples, source="text", timer="cuda_graph"))
    closures = {m.case.id: Closure({f"kernels/{n}.py": f"code:{n}" for n in range(12)}) for m in measured}
    return Run(
        "", started(number), SUITE, "0" * 64, "Many runs", "complete", environment=machine(number),
        planned=tuple(m.case for m in measured), measurements=tuple(measured), processes=PROCESSES,
        sources={"text": "def run(): ...\n" * 200}, observed=observed(closures, dict.fromkeys(closures, "asked")),
        position=number + 1,
    )  # fmt: skip


def started(number: int) -> str:
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)).isoformat(timespec="seconds")


def grow(location: str, runs: int) -> Store:
    """Up to so many runs; the store at a server has been made."""
    store = Store(location)
    done = len(store.runs())
    for number in range(done, min(runs, MACHINES)):
        store.add_run(run(number), f"{number:08x}-first")
    done = max(done, MACHINES)
    with store.transaction() as connection:
        add = text(
            "INSERT INTO runs (uuid, started, suite, state, writer, tags, note, device, cases, measured) "
            "VALUES (:uuid, :started, :suite, 'complete', '', '', :note, 'NVIDIA H200', :cases, :cases)"
        )
        for start in range(done, runs, AT_ONCE):
            rows = [
                {"uuid": f"{n:08x}-more", "started": started(n), "suite": SUITE, "note": f"{n:040x}", "cases": CASES}
                for n in range(start, min(start + AT_ONCE, runs))
            ]
            connection.execute(add, rows)
    for statement in COPIED:
        with store.transaction() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text(statement), {"machines": MACHINES, "done": done})
    return store


if __name__ == "__main__":
    if "://" in sys.argv[1]:
        database.create(database.read_url(sys.argv[1]))
    print(f"{len(grow(sys.argv[1], int(sys.argv[2])).runs()):,} runs")
