"""A run as benchmark records of the PyTorch HUD, version 3 (`oss_ci_benchmark_v3`): one JSON object a line and metric.

Records have only the table's published fields; an unknown field is left out. Every `extra_info` holds strings. Metrics
have names whose better direction the dashboard knows: it never colours a fall of any other name.
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

Fields = dict[str, Any]


def known(**fields: Any) -> Fields:
    """The fields that are neither empty nor 0, which are the table's defaults."""
    return {name: value for name, value in fields.items() if value}


def render(run: Run, ci: Mapping[str, str] | None = None) -> str:
    """JSON lines. ci: environment variables of the CI job, for the fields that only it knows."""
    return "".join(f"{msgspec.json.encode(record).decode()}\n" for record in records(run, ci))


def records(run: Run, ci: Mapping[str, str] | None = None) -> Iterator[Fields]:
    """One record for each metric of each case, in the order of the plan. A case without samples has a `load_status` of
    0."""
    environment, model = run.environment, _model_name(run)
    from_ci: Fields = {field: ci[name] for field, name in FROM_CI.items() if ci and ci.get(name)}
    from_ci |= {field: int(from_ci[field]) for field in ("workflow_id", "run_attempt") if field in from_ci}
    commit = (environment.commit or "") if environment else ""
    for row in report_rows(run):
        for metric in _metrics(row):
            yield {
                "timestamp": int(datetime.fromisoformat(run.started).timestamp()),
                "schema_version": VERSION,
                "name": NAME,
                "benchmark": _benchmark(run, row),
                "model": _model(model, row),
                "metric": metric,
                "runners": [_runner(environment)] if environment else [],
                "inputs": _inputs(row),
                "dependencies": dict(_dependencies(environment)) if environment else {},
                **known(**from_ci, head_sha=commit),
            }


def _metrics(row: CaseRow[Triple]) -> Iterator[Fields]:
    if row.status != Status.OK.value:
        yield _metric("load_status", [0.0], {"status": row.status or "", "reason": row.reason})
        return
    times_us = [us for _, _, us in row.samples]
    about = _interval(row)
    if row.tok_s and row.time:
        tokens = row.tok_s.value * row.time.value  # tokens x 1e6, as in the rate
        yield _metric("token_per_sec", [tokens / us for us in times_us], about)
    if not row.unit.startswith("us"):  # a program's figure that is not a time
        yield _metric(f"{row.op}({row.unit})" if row.unit else str(row.op), times_us, about)
        return
    name = "median_tpot_ms" if row.kind == "decode" else "avg_inference_latency(ms)"
    yield _metric(name, [us / 1e3 for us in times_us], about)
    if row.bytes:
        yield _metric("memory_bandwidth(GB/s)", [row.bytes / us / 1e3 for us in times_us], {"bytes": str(row.bytes)})
    if row.first_token_us:
        yield _metric("median_ttft_ms", [row.first_token_us / 1e3])
    if row.peak_memory_bytes:
        yield _metric("peak_inference_mem_usage(mb)", [row.peak_memory_bytes / 1e6])
    if row.compile_s:
        yield _metric("compilation_time(s)", [row.compile_s])


def _metric(name: str, values: list[float], extra: Mapping[str, str] | None = None) -> Fields:
    """values: raw samples in order."""
    return {"name": name, "benchmark_values": values, **known(extra_info=extra)}


def _interval(row: CaseRow[Triple]) -> dict[str, str]:
    """The harness's own estimate from the raw values, in us."""
    if row.time is None:
        return {}
    e = row.time
    numbers = {"value_us": e.value, "low_us": e.low, "high_us": e.high, "confidence": e.confidence, "n": e.n}
    return {name: f"{value:.9g}" for name, value in numbers.items()} | {"level": e.level, "unit": row.unit}


def _benchmark(run: Run, row: CaseRow[Triple]) -> Fields:
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
    return {"name": NAME, "mode": "inference", "dtype": row.dtype, "extra_info": known(**extra)}


def _model_name(run: Run) -> str:
    """The model's name in the suite. A suite with sizes of its own uses its own name."""
    return run.suite_facts.model if run.suite_facts else run.suite


def _model(model: str, row: CaseRow[Triple]) -> Fields:
    """The model fields. A kernel is its own model on the dashboard, so that its series stays apart from the
    decode's."""
    names = {"name": model, "type": "language model", "backend": row.engine or ""}
    if row.kind == "kernel":
        names = {"name": f"{model}/{row.op}@{row.site}", "type": "kernel", "backend": row.variant or ""}
    return {**names, "origins": [], "extra_info": {"arm": row.arm}}


def _inputs(row: CaseRow[Triple]) -> Fields:
    weights, _, activations = row.dtype.rpartition("/")
    found: Fields = {"activations": {"dtype": activations, "extra_info": {}}}
    if weights:
        found["weights"] = {"dtype": weights, "extra_info": {}}
    for name, value in {**row.dims, **row.axes}.items():
        kind = "int" if isinstance(value, int) else "str"
        found[name] = {"dtype": kind, "extra_info": {"value": str(value)}}
    return found


def _runner(environment: Environment) -> Fields:
    gpu = environment.has_gpu
    memory = environment.memory_bytes if gpu else None
    names = ("device_uuid", "driver", "power_limit_w", "clocks_policy", "max_sm_clock_mhz", "read_gb_s", "platform")
    extra = {name: str(value) for name in names if (value := getattr(environment, name)) is not None}
    return {"name": environment.device_name, "type": environment.slug} | known(
        cpu_info=environment.cpu,
        cpu_count=environment.cpu_cores,
        gpu_info=environment.device_name if gpu else "",
        gpu_count=1 if gpu else 0,
        gpu_mem_info=f"{memory} bytes" if memory else "",
        avail_gpu_mem_in_gb=memory // 10**9 if memory else 0,
        extra_info=extra,
    )


def _dependencies(environment: Environment) -> Iterator[tuple[str, Fields]]:
    for name in ("torch", "triton", "cuda", "ptxas", "python"):
        version = getattr(environment, name)
        if version:
            yield name, {"version": str(version)}
    yield NAME, known(version=environment.harness, sha=environment.commit)
