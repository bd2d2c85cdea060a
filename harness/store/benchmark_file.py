"""Files of pytest-benchmark as runs: one process, with every timing recorded, or with the statistics that were kept.

`--benchmark-save` and `--benchmark-autosave` keep statistics alone unless `--benchmark-save-data` is given, so most
existing files have no timings.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError
from harness.store.soundness import LEAST_US, MOST_US
from harness.values.case import Case, Implementation
from harness.values.environment import Environment
from harness.values.measurement import Measurement, Sample, Statistics, Status
from harness.values.run import Run

SUITE = "pytest-benchmark"
"""Name of the suite of every such run, and of its one arm."""
TWICE = "the file has this test more than once, so neither result can be chosen"
WITHOUT_TIMES = "the file has neither timings nor statistics for it"


class _Stats(msgspec.Struct):
    """Statistics in seconds. data: time per call, one for each round; only in files written with all data."""

    iterations: int | None = 1
    data: list[float] | None = None
    median: float | None = None
    q1: float | None = None
    q3: float | None = None
    rounds: int | None = None


class _Benchmark(msgspec.Struct):
    fullname: str
    stats: _Stats
    extra_info: dict[str, Any] | None = None

    @property
    def extra(self) -> dict[str, Any]:
        return self.extra_info or {}


class _Commit(msgspec.Struct):
    id: str | None = None
    dirty: bool | None = False


class _Cpu(msgspec.Struct):
    brand_raw: str | None = ""
    count: int | None = 0


class _Machine(msgspec.Struct):
    python_version: str | None = ""
    system: str | None = ""
    release: str | None = ""
    machine: str | None = ""
    cpu: _Cpu | None = None


class _File(msgspec.Struct):
    benchmarks: list[Any]
    machine_info: _Machine | None
    datetime: str | None = ""
    version: str | None = ""
    commit_info: _Commit | None = None


def is_benchmark_file(plain: object) -> bool:
    return isinstance(plain, dict) and "benchmarks" in plain and "machine_info" in plain


def plain_json(data: bytes) -> Any:
    """The values of a JSON text in UTF-8 or, where its first bytes indicate it, UTF-16. NaN and Infinity, which Python
    writes, are accepted. Raises ValueError where the bytes are not JSON."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        if b"NaN" not in data and b"Infinity" not in data:
            raise
        try:
            return json.loads(data)
        except ValueError:
            raise error from None


def read_benchmarks(plain: object, path: Path) -> tuple[Run, str]:
    """The run in a file's plain values, and an identity derived from its content.

    A test is a case; its rounds are the samples of process 0. A test without times, or one that occurs twice, becomes a
    case without samples and with the reason. Raises HarnessError for a file without benchmarks, and for times that no
    clock gives.
    """
    try:
        file = msgspec.convert(plain, _File)
    except msgspec.ValidationError as error:
        raise HarnessError(f"{path}: not a pytest-benchmark file of a known layout: {error}") from error
    if not file.benchmarks:
        raise HarnessError(f"{path}: pytest-benchmark measured nothing")
    found = [_benchmark(item, number) for number, item in enumerate(file.benchmarks, 1)]
    often = Counter(name for name, _ in found)
    by_name = dict(found)
    measurements = tuple(_measurement(name, by_name[name], often[name], path) for name in often)
    readable = [benchmark for _, benchmark in found if isinstance(benchmark, _Benchmark)]
    if not readable:
        raise HarnessError(f"{path}: not a pytest-benchmark file of a known layout: {found[0][1]}")
    run = Run(
        id=path.name, started=file.datetime or "", suite=SUITE, suite_hash="", title=path.name, state="complete",
        command=f"pytest-benchmark {file.version or ''}".rstrip(), note=path.name,
        environment=_environment(file, readable[0].extra if readable else {}),
        planned=tuple(m.case for m in measurements), measurements=measurements,
    )  # fmt: skip
    return run, hashlib.sha256(repr(plain).encode()).hexdigest()[:32]


def _benchmark(item: object, number: int) -> tuple[str, _Benchmark | str]:
    """The test's name, and its benchmark or the reason why it is invalid."""
    try:
        found = msgspec.convert(item, _Benchmark)
    except msgspec.ValidationError as error:
        name = item.get("fullname") if isinstance(item, dict) else None
        return (name if isinstance(name, str) else f"benchmark {number}"), f"not readable: {error}"
    return found.fullname, found


def _measurement(name: str, benchmark: _Benchmark | str, often: int, path: Path) -> Measurement:
    place, _, test = name.partition("::")
    extra = {} if isinstance(benchmark, str) else benchmark.extra
    case = Case("kernel", SUITE, "", {}, op=test or place, site=place, answer=_answer(extra))
    reason = benchmark if isinstance(benchmark, str) else TWICE if often > 1 else ""
    if isinstance(benchmark, str) or reason:
        return Measurement(case, Status.UNSUPPORTED, reason=reason)
    stats = benchmark.stats
    for seconds in stats.data or ([stats.median] if stats.median is not None else ()):
        if not LEAST_US <= 1e6 * seconds <= MOST_US:
            raise HarnessError(f"{path}: {name}: a time of {seconds} s; allowed: finite and above 0")
    samples = tuple(Sample(1e6 * value, 0, n) for n, value in enumerate(stats.data or ()))
    statistics = None if samples else _statistics(stats)
    if not samples and statistics is None:
        return Measurement(case, Status.UNSUPPORTED, reason=WITHOUT_TIMES)
    calls = int(extra.get("calls_per_sample") or stats.iterations or 1)
    return Measurement(case, Status.OK, samples=samples, statistics=statistics, timer=SUITE, calls_per_sample=calls)


def _answer(extra: dict[str, Any]) -> Implementation | None:
    """The variant that a test of this project reports."""
    variant, tunables = extra.get("variant"), extra.get("tunables")
    return Implementation(str(variant), tunables if isinstance(tunables, dict) else {}) if variant else None


def _statistics(stats: _Stats) -> Statistics | None:
    if stats.median is None or stats.q1 is None or stats.q3 is None or not stats.rounds:
        return None
    if not (0 < stats.q1 <= stats.median <= stats.q3 < math.inf):
        return None
    return Statistics(1e6 * stats.median, 1e6 * stats.q1, 1e6 * stats.q3, stats.rounds)


def _environment(file: _File, extra: dict[str, Any]) -> Environment:
    """The environment that the file records. It has GPU facts only where the test left them, as `pytest --suite`
    does."""
    machine = file.machine_info or _Machine()
    processor = machine.cpu or _Cpu()
    commit = file.commit_info or _Commit()
    cpu = processor.brand_raw or "unknown"
    device = str(extra.get("device") or cpu)
    known = commit.id if commit.id != "unversioned" else None
    return Environment(
        "cpu" if device == cpu or device.lower().startswith("cpu") else "cuda", device, machine.python_version or "",
        str(extra.get("torch") or ""), cpu, processor.count or 0,
        " ".join(filter(None, (machine.system, machine.release, machine.machine))),
        triton=extra.get("triton") or None, method=int(extra.get("method") or 0),
        commit=f"{known}{'+' * bool(commit.dirty)}" if known else None,
    )  # fmt: skip
