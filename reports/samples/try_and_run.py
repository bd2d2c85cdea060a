"""Time of `harness try` on this machine, cold and warm, and whether its figures equal those of `harness run`.

Usage: python reports/samples/try_and_run.py [OP VARIANT [NAME=VALUE...]]. Needs a GPU.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from harness import kernels_root
from harness.attempt.attempts import Bench, Options
from harness.attempt.question import TryOptions, read_pairs
from harness.attempt.session import Session
from harness.stats import estimate
from harness.store import Store

ROOT = Path(__file__).resolve().parents[2]
WARM = 5
"""Attempts in the warm process, each after a save."""


def main(op: str = "moe_down", variant: str = "triton_vecmat", *tunables: str) -> None:
    """Print a table of wall times and the ratio of the two figures."""
    kernels_root.bind(ROOT / "kernels")
    values = read_pairs(tunables or ("block_n=8", "block_k=128"), "tunable")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(str(Path(folder, "runs.sqlite")))
        copy = Path(folder, "mine.py")
        copy.write_text((ROOT / "kernels" / op / f"{variant}.py").read_text())
        start = time.perf_counter()
        asked = ["--op", op, *(f"{name}={value}" for name, value in values.items())]
        command = [sys.executable, "-m", "harness", "try", str(copy), *asked]
        subprocess.run([*command, "--store", store.location], cwd=ROOT, check=True)
        print(f"cold start, the whole command: {time.perf_counter() - start:.1f} s")
        with Session(ROOT / "kernels") as session:
            bench = Bench(store, session, Options(folder=Path(folder, "try")))
            walls, medians = [], []
            for number in range(WARM + 1):
                edited = copy.read_text().replace("    tl.store(", f"    # save {number}\n    tl.store(", 1)
                assert edited != copy.read_text(), "no kernel to edit"
                copy.write_text(edited)  # the text of a kernel is its identity to Triton: it is compiled again
                found = bench.attempt(TryOptions(str(copy), op=op, tunables=values))
                value = estimate(found.measurement.samples)
                assert value is not None, found.measurement.reason
                walls.append(found.wall_s)
                medians.append(value.value)
        print(f"first in a process: {walls[0]:.1f} s; after a save: {', '.join(f'{wall:.2f}' for wall in walls[1:])} s")
        run_us = _run(op, variant, values, Path(folder))
        tried_us = sorted(medians)[len(medians) // 2]
        print(f"{op}/{variant}: try {tried_us:.3f} us, run {run_us:.3f} us, {100 * (tried_us / run_us - 1):+.2f} %")
        print(f"attempts: {', '.join(f'{median:.3f}' for median in medians)} us")


def _run(op: str, variant: str, values: dict[str, str], folder: Path) -> float:
    """us per call of the same kernel, timed through a suite."""
    suite = yaml.safe_load((ROOT / "suites" / "qwen3_5_moe.yaml").read_text())
    tunables = {name: yaml.safe_load(value) for name, value in values.items()}
    suite["arms"] = {"tried": {op: {variant: tunables}}}
    suite["kernels"] = {"ops": [op], "tokens": [1], "context": [1024]}
    for section in ("sweep", "decode", "compare"):
        suite.pop(section, None)
    path = folder / "tried.yaml"
    path.write_text(yaml.safe_dump(suite, sort_keys=False))
    command = [sys.executable, "-m", "harness", "run", str(path), "--only", "kernels", "--processes", "3"]
    subprocess.run([*command, "--store", str(folder / "runs.sqlite")], cwd=ROOT, check=True, stdout=sys.stderr)
    run = Store(str(folder / "runs.sqlite")).load("last")
    (value,) = (estimate(found.samples) for found in run.measurements)
    assert value is not None
    return value.value


if __name__ == "__main__":
    main(*sys.argv[1:])
