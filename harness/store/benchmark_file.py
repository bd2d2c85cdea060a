"""Files of pytest-benchmark as runs: one process, every timing that it recorded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError
from harness.values.case import Case, Implementation
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Sample, Status
from harness.values.run import Run

SUITE = "pytest-benchmark"
"""Name of the suite of every such run, and of its one arm."""


class _Stats(msgspec.Struct):
    """data: seconds per call, one for each round; only in files written with all data."""

    iterations: int = 1
    data: list[float] | None = None


class _Benchmark(msgspec.Struct):
    fullname: str
    stats: _Stats
    extra_info: dict[str, Any] = {}


class _Commit(msgspec.Struct):
    id: str | None = None
    dirty: bool | None = False


class _Cpu(msgspec.Struct):
    brand_raw: str = ""
    count: int = 0


class _Machine(msgspec.Struct):
    python_version: str = ""
    system: str = ""
    release: str = ""
    machine: str = ""
    cpu: _Cpu = msgspec.field(default_factory=_Cpu)


class _File(msgspec.Struct):
    benchmarks: list[_Benchmark]
    machine_info: _Machine
    datetime: str = ""
    version: str = ""
    commit_info: _Commit = msgspec.field(default_factory=_Commit)


def is_benchmark_file(plain: object) -> bool:
    return isinstance(plain, dict) and "benchmarks" in plain and "machine_info" in plain


def read_benchmarks(plain: object, path: Path) -> tuple[Run, str]:
    """The run in a file's plain values, and an identity that goes by its content.

    A test is a case, its rounds are the samples of process 0. Raises HarnessError for a file without timings.
    """
    try:
        file = msgspec.convert(plain, _File)
    except msgspec.ValidationError as error:
        raise HarnessError(f"{path}: not a file of pytest-benchmark as it is known here: {error}") from error
    if not file.benchmarks:
        raise HarnessError(f"{path}: pytest-benchmark measured nothing")
    lacking = [b.fullname for b in file.benchmarks if not b.stats.data]
    if lacking:
        raise HarnessError(
            f"{path}: no timings of {lacking[0]}; write the file with --benchmark-json, or with --benchmark-save-data"
        )
    measurements = tuple(map(_measurement, file.benchmarks))
    commit = file.commit_info.id if file.commit_info.id != "unversioned" else None
    run = Run(
        id=path.name, started=file.datetime, suite=SUITE, suite_hash="", title=path.name, state="complete",
        command=f"pytest-benchmark {file.version}", note=path.name, environment=_environment(file, commit),
        planned=tuple(m.case for m in measurements), measurements=measurements,
    )  # fmt: skip
    return run, hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:32]


def _measurement(benchmark: _Benchmark) -> Measurement:
    place, _, test = benchmark.fullname.partition("::")
    extra = benchmark.extra_info
    answer = Implementation(str(extra["variant"]), extra.get("tunables") or {}) if extra.get("variant") else None
    case = Case("kernel", SUITE, "", {}, op=test or place, site=place, answer=answer)
    samples = tuple(Sample(1e6 * value, 0, n) for n, value in enumerate(benchmark.stats.data or ()))
    calls = int(extra.get("calls_per_sample") or benchmark.stats.iterations)
    return Measurement(case, Status.OK, samples=samples, timer=SUITE, calls_per_sample=calls)


def _environment(file: _File, commit: str | None) -> Environment:
    """What the file says; the facts of a GPU only where the test left them, as `pytest --suite` does."""
    machine, extra = file.machine_info, file.benchmarks[0].extra_info
    device = str(extra.get("device") or machine.cpu.brand_raw or "unknown")
    cpu = machine.cpu.brand_raw or "unknown"
    return Environment(
        "cpu" if device == cpu or device.lower().startswith("cpu") else "cuda", device, machine.python_version,
        str(extra.get("torch") or ""), cpu, machine.cpu.count,
        " ".join(filter(None, (machine.system, machine.release, machine.machine))),
        triton=extra.get("triton") or None, method=int(extra.get("method") or 0),
        commit=f"{commit}{'+' * bool(file.commit_info.dirty)}" if commit else None,
    )  # fmt: skip
