"""The evidence of a whole search on one GPU: 864 configurations with cold caches, the distance of the choice from the
best of all, and the same space by `triton.autotune`, sampled.

Usage: python3 reports/samples/sweep864.py FOLDER [SECONDS]. SECONDS is the total (270); the serial side gets the rest
of it. Each part writes its JSON as it ends. A part that fails leaves the others.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "suites" / "vecmat_864.yaml"
COMPILE_LIMIT_S = 10
"""Limit for one configuration: under 25 s, two 256 x 256 tiles held the first pass up for 15 s and did not fit
either."""
HEAD_TO_HEAD_ROUNDS = 60
EXHAUSTIVE_ROUNDS = 6
COUNTS = ("declared", "distinct", "pruned", "timed", "gpu_busy_s", "compile_s", "trusted", "warnings")
AT_ONCE = 24
"""Configurations side by side in the exhaustive timing."""


def main(folder: Path, limit_s: float) -> None:
    end = time.monotonic() + limit_s
    folder.mkdir(parents=True, exist_ok=True)
    cold = Path(tempfile.mkdtemp(prefix="sweep864-"))  # not in FOLDER: hundreds of megabytes not worth keeping
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "HARNESS_STORE": str(folder / "sweep864.sqlite"),
        "HARNESS_CACHE": str(cold / "harness"),
        "TRITON_CACHE_DIR": str(cold / "triton"),
    }
    result = _sweep(folder, environment, 150)
    if result is not None:
        _part(["regret", str(folder)], environment, min(90.0, end - time.monotonic() - 50))
    serial = environment | {"TRITON_CACHE_DIR": str(cold / "serial")}
    _part(["serial", str(folder), str(end - time.monotonic() - 10)], serial, end - time.monotonic())
    if result is not None:
        _summary(folder, result)


def _sweep(folder: Path, environment: dict[str, str], limit_s: float) -> dict[str, Any] | None:
    """The sweep, then the same again, which must take under 2 s; then its table and charts, from the store."""
    command = [sys.executable, "-m", "harness", "sweep", str(SUITE), "--json", "--limit-s", str(COMPILE_LIMIT_S)]
    drawn = ["--csv", str(folder / "sweep864.csv"), "--charts", str(folder)]
    walls = []
    result = None
    for number, more in enumerate(([], [], drawn)):
        start = time.perf_counter()
        try:
            done = subprocess.run([*command, *more], env=environment, capture_output=True, text=True, timeout=limit_s)
        except subprocess.TimeoutExpired:
            print(f"the sweep took longer than {limit_s:.0f} s", file=sys.stderr)
            return None
        walls.append(time.perf_counter() - start)
        print(done.stderr[-3000:], file=sys.stderr)
        if not done.stdout.strip():
            return None
        if number == 0:
            result = json.loads(done.stdout)
            result["process_wall_s"], result["exit_status"] = walls[0], done.returncode
    assert result is not None
    result["again_wall_s"] = walls[1]
    (folder / "sweep864.json").write_text(json.dumps(result))
    return result


def _part(arguments: list[str], environment: dict[str, str], limit_s: float) -> None:
    if limit_s <= 5:
        print(f"no time left for {arguments[0]}", file=sys.stderr)
        return
    try:
        subprocess.run([sys.executable, __file__, *arguments], env=environment, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        print(f"{arguments[0]} was ended after {limit_s:.0f} s", file=sys.stderr)


def regret(folder: Path) -> None:
    """Time every distinct configuration in one fresh process, a few rounds each. Then time the best of them against the
    winner, head to head, in another process."""
    from harness.plan import sweep_plan
    from harness.suite.load import load_suite
    from harness.values.sweep import Entrant
    from harness.worker.messages import Task
    from harness.worker.pool import LocalDevices

    result = json.loads((folder / "sweep864.json").read_text())
    suite = load_suite(SUITE)
    cases = sweep_plan(suite).cases
    found = []
    for top in result["top"]:
        rows = [
            row for row in result["configurations"]
            if row["op"] == top["op"] and row["status"] == "OK" and row["same_as"] is None and row["samples_us"]
        ]  # fmt: skip
        wanted = [json.dumps(row["tunables"], sort_keys=True) for row in rows]
        by_name = {json.dumps(c.answer.tunables, sort_keys=True): c for c in cases if c.op == top["op"] and c.answer}
        chosen = json.dumps(top["winner"] or top["confirmed"][0]["tunables"], sort_keys=True)
        times: dict[str, float] = {}
        with closing(LocalDevices()) as devices:
            for start in range(0, len(wanted), AT_ONCE):
                some = wanted[start : start + AT_ONCE]
                task = Task(suite, tuple(Entrant(by_name[name]) for name in some), EXHAUSTIVE_ROUNDS, 101)
                for name, m in zip(some, devices.on_one(task).result().measurements, strict=True):
                    if m.samples:
                        times[name] = statistics.median(s.value_us for s in m.samples)
        best = min(times, key=lambda name: times[name])
        entry = {
            "op": top["op"], "distinct_timed": len(times), "exhaustive_best": json.loads(best),
            "winner": json.loads(chosen), "exhaustive_us": times[best], "winner_exhaustive_us": times.get(chosen),
            "regret_percent": 0.0, "rounds": 0,
        }  # fmt: skip
        if best != chosen:
            with closing(LocalDevices()) as devices:
                pair = (Entrant(by_name[best]), Entrant(by_name[chosen]))
                a, b = devices.on_one(Task(suite, pair, HEAD_TO_HEAD_ROUNDS, 102)).result().measurements
            logs = [math.log(y.value_us / x.value_us) for x, y in zip(a.samples, b.samples, strict=True)]
            error = statistics.stdev(logs) / math.sqrt(len(logs))
            centre = statistics.median(logs)
            entry |= {
                "regret_percent": 100 * math.expm1(centre), "rounds": len(logs),
                "regret_low_percent": 100 * math.expm1(centre - 2 * error),
                "regret_high_percent": 100 * math.expm1(centre + 2 * error),
            }  # fmt: skip
        found.append(entry)
        (folder / "regret864.json").write_text(json.dumps(found, indent=1))
        print(f"regret {entry}", file=sys.stderr)


def serial(folder: Path, limit_s: float) -> None:
    """Time `triton.autotune` over configurations drawn at random from the same space, and extrapolate to all of them.

    It takes two configurations at a time, since it times nothing with only one, one pair after the other until the time
    is up. Large tiles take fifty times as long to compile as small ones, so draws come from strata of similar size.
    """
    from harness import kernels_root
    from harness.suite.load import load_suite

    suite = load_suite(SUITE)
    kernels_root.bind(Path(suite.kernels_root))
    draws = random.Random(864)
    end = time.monotonic() + limit_s
    calls = {op: _autotuned_call(op) for op in ("moe_gate_up", "moe_down")}
    space = [(n, k, w, s) for n in SIZES for k in SIZES for w in (2, 4, 8) for s in (2, 3, 4, 5)]
    strata = {name: [c for c in space if low <= c[0] * c[1] // c[2] < high] for name, (low, high) in STRATA.items()}
    left = {(name, op): draws.sample(some, len(some)) for name, some in strata.items() for op in calls}
    seconds: dict[str, list[float]] = {name: [] for name in strata}
    failures = 0
    for turn, name in enumerate(itertools.cycle(TURNS)):
        op = ("moe_gate_up", "moe_down")[turn % 2]
        if time.monotonic() >= end or len(left[name, op]) < 2:
            break
        pair = [left[name, op].pop(), left[name, op].pop()]
        start = time.perf_counter()
        try:
            calls[op](pair)
        except Exception as error:  # a pair that does not compile still took its time
            failures += 1
            print(f"serial {op}: {type(error).__name__}: {str(error)[:120]}", file=sys.stderr)
        seconds[name].append((time.perf_counter() - start) / 2)
        _write_serial(folder, seconds, {name: 2 * len(some) for name, some in strata.items()}, failures)


SIZES = (8, 16, 32, 64, 128, 256)
STRATA = {"small": (0, 2048), "middle": (2048, 8192), "large": (8192, 16384), "largest": (16384, 1 << 20)}
"""Elements of a tile for each warp."""
TURNS = ("small", "largest", "large", "small", "middle", "small", "middle", "large", "largest", "middle", "small")
"""Order of the strata. Its length is odd, so that both products have a turn at each."""


def _write_serial(folder: Path, seconds: dict[str, list[float]], sizes: dict[str, int], failures: int) -> None:
    """Write the time of a configuration in each stratum, and the sum over all strata with its standard error."""
    rows, total, variance = [], 0.0, 0.0
    for name, values in seconds.items():
        mean = statistics.fmean(values) if values else math.nan
        error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        total, variance = total + sizes[name] * mean, variance + (sizes[name] * error) ** 2
        rows.append(
            {"stratum": name, "configurations": sizes[name], "timed": 2 * len(values),
             "s_per_configuration": _known(mean), "standard_error_s": _known(error)}
        )  # fmt: skip
    found: dict[str, Any] = {
        "what": "triton.autotune, pairs drawn at random from strata of tile elements a warp, extrapolated",
        "failures": failures, "strata": rows, "extrapolated_864_s": _known(total),
        "standard_error_864_s": _known(math.sqrt(variance)),
    }  # fmt: skip
    (folder / "serial864.json").write_text(json.dumps(found, indent=1))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _autotuned_call(op: str) -> Any:
    """A function of a list of (block_n, block_k, num_warps, num_stages). It tunes the published kernel over the list
    with the inputs of one token."""
    import torch
    import triton

    from harness.load_kernels import load_op, load_variant
    from harness.measure.operand_sets import make_operands
    from harness.plan import sweep_plan
    from harness.suite.load import load_suite

    suite = load_suite(SUITE)
    case = next(c for c in sweep_plan(suite).cases if c.op == op)
    loaded = load_op(op)
    variant = load_variant(op, "triton_vecmat", SUITE.parent)
    operands = make_operands(loaded, case, torch.bfloat16, "cuda", 1, "uniform")
    module = sys.modules[variant.run.__module__]
    name = "gate_up_kernel" if op == "moe_gate_up" else "down_kernel"
    kernel = getattr(module, name)

    def call(configurations: list[tuple[int, int, int, int]]) -> None:
        configs = [
            triton.Config({"BLOCK_N": n, "BLOCK_K": k}, num_warps=w, num_stages=s) for n, k, w, s in configurations
        ]
        tuner = triton.autotune(configs, key=[])(kernel)
        setattr(module, name, _Launcher(tuner))
        try:
            variant.run(*(operands[i.name] for i in loaded.op.inputs))
            torch.cuda.synchronize()
        finally:
            setattr(module, name, kernel)

    return call


class _Launcher:
    """Takes the place of the variant's kernel launch: the tuner chooses the blocks, and the grid follows its choice."""

    def __init__(self, tuner: Any) -> None:
        self.tuner = tuner

    def __getitem__(self, grid: Any) -> Any:
        def launch(*args: Any, **options: Any) -> Any:
            names = self.tuner.arg_names
            given = dict(zip(names, args, strict=False)) | {k: v for k, v in options.items() if k in names}
            block_n, rows = given.pop("BLOCK_N"), given["ROWS"]
            given.pop("BLOCK_K")
            pairs = grid[0] // -(-rows // block_n)
            return self.tuner[lambda meta: (pairs * -(-rows // meta["BLOCK_N"]),)](**given)

        return launch


def _summary(folder: Path, result: dict[str, Any]) -> None:
    def read(name: str) -> Any:
        path = folder / name
        return json.loads(path.read_text()) if path.exists() else None

    serial_side, wall_s = read("serial864.json"), result["process_wall_s"]
    extrapolated = serial_side["extrapolated_864_s"] if serial_side else None
    summary = {
        **{name: result[name] for name in COUNTS},
        "wall_s": wall_s, "again_wall_s": result["again_wall_s"], "stages_s": result["stages_s"],
        "serial_extrapolated_s": extrapolated,
        "serial_standard_error_s": serial_side["standard_error_864_s"] if serial_side else None,
        "times_faster": extrapolated / wall_s if extrapolated else None, "regret": read("regret864.json"),
    }  # fmt: skip
    (folder / "summary864.json").write_text(json.dumps(summary, indent=1))
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    if sys.argv[1] == "regret":
        regret(Path(sys.argv[2]))
    elif sys.argv[1] == "serial":
        serial(Path(sys.argv[2]), float(sys.argv[3]))
    else:
        main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 270.0)
