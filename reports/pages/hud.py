"""A run as benchmark records of the PyTorch HUD, version 3 (`oss_ci_benchmark_v3`): one JSON object a line and metric.

The structs have the table's published fields and no other; a field that is not known is left out. Metrics have the
names that the dashboard knows a better direction for: a fall of a name that it does not know is never coloured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from harness.values.environment import Environment
from harness.values.measurement import Status
from harness.values.run import Run

from ..views.case_rows import CaseRow, Triple, report_rows

VERSION = "v3"
NAME = "kernel-harness"
FROM_CI = {
    "repo": "GITHUB_REPOSITORY",
    "head_branch": "GITHUB_REF_NAME",
    "workflow_id": "GITHUB_RUN_ID",
    "run_attempt": "GITHUB_RUN_ATTEMPT",
}
"""Fields that only the CI job knows, where one is running."""

Extra = dict[str, str]
"""Values are strings in the table."""


class Runner(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    type: str
    cpu_info: str = ""
    cpu_count: int = 0
    gpu_info: str = ""
    gpu_count: int = 0
    gpu_mem_info: str = ""
    avail_gpu_mem_in_gb: int = 0
    extra_info: Extra = {}


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    mode: str
    dtype: str
    extra_info: Extra


class Model(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    type: str
    backend: str
    origins: tuple[str, ...]
    extra_info: Extra


class Input(msgspec.Struct, frozen=True, kw_only=True):
    dtype: str
    extra_info: Extra


class Dependency(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    version: str = ""
    repo: str = ""
    branch: str = ""
    sha: str = ""
    extra_info: Extra = {}


class Metric(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """benchmark_values: raw, in order."""

    name: str
    benchmark_values: tuple[float, ...]
    target_value: float = 0.0
    extra_info: Extra = {}


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    timestamp: int
    schema_version: str
    name: str
    benchmark: Benchmark
    model: Model
    metric: Metric
    runners: tuple[Runner, ...]
    inputs: dict[str, Input]
    dependencies: dict[str, Dependency]
    repo: str = ""
    head_branch: str = ""
    head_sha: str = ""
    workflow_id: int = 0
    run_attempt: int = 0


def render(run: Run, ci: Mapping[str, str] | None = None) -> str:
    """JSON lines. ci: the CI job's environment variables, for the fields that only it knows."""
    return "".join(f"{msgspec.json.encode(record).decode()}\n" for record in records(run, ci))


def records(run: Run, ci: Mapping[str, str] | None = None) -> Iterator[Record]:
    """One for each metric of each case, in the order of the plan; a case without samples is a `load_status` of 0."""
    environment, model = run.environment, _model_name(run)
    known = {field: ci[name] for field, name in FROM_CI.items() if ci and ci.get(name)}
    from_ci: dict[str, Any] = {k: int(v) if k in ("workflow_id", "run_attempt") else v for k, v in known.items()}
    for row in report_rows(run):
        for metric in _metrics(row):
            yield Record(
                timestamp=int(datetime.fromisoformat(run.started).timestamp()),
                schema_version=VERSION,
                name=NAME,
                benchmark=_benchmark(run, row),
                model=_model(model, row),
                metric=metric,
                runners=(_runner(environment),) if environment else (),
                inputs=_inputs(row),
                dependencies=dict(_dependencies(environment)) if environment else {},
                head_sha=(environment.commit or "") if environment else "",
                **from_ci,
            )


def _metrics(row: CaseRow[Triple]) -> Iterator[Metric]:
    if row.status != Status.OK.value:
        yield Metric(
            name="load_status", benchmark_values=(0.0,), extra_info={"status": row.status or "", "reason": row.reason}
        )
        return
    times_us = [us for _, _, us in row.samples]
    about = _interval(row)
    if row.tok_s and row.time:
        tokens = row.tok_s.value * row.time.value  # tokens x 1e6, as in the rate
        yield Metric(name="token_per_sec", benchmark_values=tuple(tokens / us for us in times_us), extra_info=about)
    name = "median_tpot_ms" if row.kind == "decode" else "avg_inference_latency(ms)"
    yield Metric(name=name, benchmark_values=tuple(us / 1e3 for us in times_us), extra_info=about)
    if row.bytes:
        rates = tuple(row.bytes / us / 1e3 for us in times_us)
        yield Metric(name="memory_bandwidth(GB/s)", benchmark_values=rates, extra_info={"bytes": str(row.bytes)})
    if row.first_token_us:
        yield Metric(name="median_ttft_ms", benchmark_values=(row.first_token_us / 1e3,))
    if row.peak_memory_bytes:
        yield Metric(name="peak_inference_mem_usage(mb)", benchmark_values=(row.peak_memory_bytes / 1e6,))
    if row.compile_s:
        yield Metric(name="compilation_time(s)", benchmark_values=(row.compile_s,))


def _interval(row: CaseRow[Triple]) -> Extra:
    """What the harness makes of the raw values, in us."""
    if row.time is None:
        return {}
    e = row.time
    numbers = {"value_us": e.value, "low_us": e.low, "high_us": e.high, "confidence": e.confidence, "n": e.n}
    return {name: f"{value:.9g}" for name, value in numbers.items()} | {"level": e.level, "unit": row.unit}


def _benchmark(run: Run, row: CaseRow[Triple]) -> Benchmark:
    extra = {
        "suite": run.suite,
        "run": run.id,
        "case": row.id,
        "kind": row.kind,
        "arm": row.arm,
        "op": row.op or "",
        "site": row.site or "",
        "variant": row.variant or "",
        "measured_as": row.shared_with,
        "timer": row.timer,
        "command": run.command,
        "note": run.note,
    } | {f"tunable_{name}": str(value) for name, value in sorted(row.tunables.items())}
    kept = {name: value for name, value in extra.items() if value}
    return Benchmark(name=NAME, mode="inference", dtype=row.dtype, extra_info=kept)


def _model_name(run: Run) -> str:
    """As the suite names it; a suite with sizes of its own gives its own name."""
    return run.suite_facts.model if run.suite_facts else run.suite


def _model(model: str, row: CaseRow[Triple]) -> Model:
    """A kernel is its own model on the dashboard, so that its series does not mix with the decode's."""
    if row.kind == "kernel":
        name = f"{model}/{row.op}@{row.site}"
        return Model(name=name, type="kernel", backend=row.variant or "", origins=(), extra_info={"arm": row.arm})
    return Model(name=model, type="language model", backend=row.engine or "", origins=(), extra_info={"arm": row.arm})


def _inputs(row: CaseRow[Triple]) -> dict[str, Input]:
    weights, _, activations = row.dtype.rpartition("/")
    found = {"activations": Input(dtype=activations, extra_info={})}
    if weights:
        found["weights"] = Input(dtype=weights, extra_info={})
    for name, value in {**row.dims, **row.axes}.items():
        kind = "int" if isinstance(value, int) else "str"
        found[name] = Input(dtype=kind, extra_info={"value": str(value)})
    return found


def _runner(environment: Environment) -> Runner:
    gpu = environment.has_gpu
    memory = environment.memory_bytes if gpu else None
    names = ("device_uuid", "driver", "power_limit_w", "clocks_policy", "max_sm_clock_mhz", "read_gb_s", "platform")
    extra = {name: str(value) for name in names if (value := getattr(environment, name)) is not None}
    return Runner(
        name=environment.device_name,
        type=environment.slug,
        cpu_info=environment.cpu,
        cpu_count=environment.cpu_cores,
        gpu_info=environment.device_name if gpu else "",
        gpu_count=1 if gpu else 0,
        gpu_mem_info=f"{memory} bytes" if memory else "",
        avail_gpu_mem_in_gb=memory // 10**9 if memory else 0,
        extra_info=extra,
    )


def _dependencies(environment: Environment) -> Iterator[tuple[str, Dependency]]:
    for name in ("torch", "triton", "cuda", "ptxas", "python"):
        version = getattr(environment, name)
        if version:
            yield name, Dependency(version=str(version))
    yield NAME, Dependency(version=environment.harness, sha=environment.commit or "")
