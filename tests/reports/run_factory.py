"""Synthetic runs for the tests of reports: the shape of a 40-layer int4 model on an H100; every number is made up.

Seeded, so that golden files stay. The step times are the sum of the categories and of what lies between kernels.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from harness.values.case import AxisValue, Case, Implementation, Tunables
from harness.values.environment import Environment
from harness.values.measurement import Conditions, Correctness, Measurement, Sample, Status, StreamDivergence, Work
from harness.values.profile import CategoryRow, KernelRow, Profile
from harness.values.run import Run

DTYPE = "int4-g128/bfloat16"
ROUNDS = 14
PROFILED_STEPS = 8

KERNELS: dict[tuple[str, str], tuple[int, int, dict[str, tuple[str, Tunables, float]]]] = {
    ("moe_gate_up", "experts"): (40, 8_670_000, {
        "baseline": ("triton_vecmat", {"block_n": 32, "block_k": 32, "num_warps": 2, "num_stages": 2}, 46.3),
        "autotuned": ("triton_vecmat", {"block_n": 8, "block_k": 256, "num_warps": 2, "num_stages": 2}, 17.1),
    }),
    ("moe_down", "experts"): (40, 4_370_000, {
        "baseline": ("triton_vecmat", {"block_n": 32, "block_k": 32, "num_warps": 2, "num_stages": 2}, 16.7),
        "autotuned": ("triton_vecmat", {"block_n": 8, "block_k": 256, "num_warps": 2, "num_stages": 2}, 9.0),
    }),
    ("int4_mm", "gdn_in"): (30, 13_200_000, {"baseline": ("torch_int4pack", {}, 8.9)}),
    ("int4_mm", "lm_head"): (1, 262_000_000, {"baseline": ("torch_int4pack", {}, 121.0)}),
    ("sdpa", "main"): (10, 2_110_000, {"baseline": ("torch_sdpa", {}, 5.9)}),
    ("gated_delta_rule", "main"): (30, 2_130_000, {"baseline": ("triton_recurrent", {}, 3.2)}),
}  # fmt: skip
"""By op and site: calls per step, bytes per call, and per arm the variant, its tunables and us per call."""

CATEGORIES: dict[str, tuple[float, float, int, str, str]] = {
    "MoE": (2560, 1084, 80, "_fused_moe_vecmat_kernel", "moe_gate_up@experts"),
    "int4mm": (820, 820, 241, "tinygemm_m16n8k16_chunk_kernel", "int4_mm@gdn_in"),
    "Triton fused ops": (310, 310, 190, "triton_red_fused_add_mean_mul_pow_rsqrt_0", "rms_norm@ln"),
    "chunk_gated_delta_rule": (96, 96, 30, "_recurrent_gated_delta_rule_kernel", "gated_delta_rule@main"),
    "Router": (84, 84, 40, "_topk_kernel", "router@main"),
    "SDPA": (61, 61, 20, "flash_fwd_splitkv_kernel", "sdpa@main"),
}
"""By category: us per step of baseline and autotuned, launches per step, one kernel and its scope."""

STEP_US = {"baseline": 4121.0, "autotuned": 2659.0}
STEP_BYTES = 1_620_000_000
ENVIRONMENT = Environment(
    device_kind="cuda",
    device_name="NVIDIA H100 80GB HBM3",
    python="3.11.9",
    torch="2.11.0",
    cpu="synthetic CPU",
    cpu_cores=16,
    platform="Linux",
    device_uuid="GPU-3f1a0000-synthetic",
    sm_count=132,
    compute_capability="9.0",
    memory_bytes=85_000_000_000,
    l2_bytes=52_428_800,
    driver="570.00",
    cuda="12.8",
    triton="3.6.0",
    ptxas="12.8",
    power_limit_w=700.0,
    clocks_policy="default",
    max_sm_clock_mhz=1980,
    read_gb_s=3001.0,
    commit="0123456789ab+",
    harness="0.1",
    method=1,
)


def synthetic_run(processes: int = 1, arms: Sequence[str] = ("baseline", "autotuned"), seed: int = 7) -> Run:
    """A complete run with kernels, decode, prefill and profiles of the given arms."""
    draw = random.Random(seed)
    planned: list[Case] = []
    measured: list[Measurement] = []
    for case, us, work_bytes in [*_kernel_cases(arms), *_model_cases(arms)]:
        planned.append(case)
        if case.same_as is None:
            measured.append(_measurement(case, us, work_bytes, processes, draw))
    return Run(
        id="147",
        started="2026-01-02T03:04:05+00:00",
        suite="qwen3_5_moe",
        suite_hash="ab" * 32,
        title="Qwen3.5-35B-A3B decode, int4 (synthetic)",
        state="complete",
        note="first try of the published blocks",
        command="harness run suites/qwen3_5_moe.yaml --arms baseline,autotuned",
        analysis="One token at batch 1 reads the active weights once.\n\nWhat do blocks alone bring to `moe_down`?",
        processes=processes,
        environment=ENVIRONMENT,
        planned=tuple(planned),
        measurements=tuple(measured),
        conditions=tuple(_conditions(p, r, draw) for p in range(processes) for r in range(ROUNDS)),
        profiles=tuple(_profile(arm) for arm in arms),
        streams={"batch=1,context=1024,row=0": [11, 42, 7]},
    )


def broken_run() -> Run:
    """The same run with a wrong, a failed and an unsupported case, throttled rounds, and stopped before its prefill."""
    run = synthetic_run()
    changed = []
    for measurement in run.measurements:
        case = measurement.case
        if case.kind == "prefill":
            continue
        if (case.op, case.arm) == ("moe_down", "autotuned"):
            wrong = Correctness(False, 0.31, 0.02, 4e-3, 2e-3, 4, 2048, "dim 1: 2044..2047 of 2048 (the tail)")
            measurement = Measurement(
                case, Status.INCORRECT, "4 of 2,048 values wrong; worst 0.31 of the output's size", wrong
            )
        elif case.op == "sdpa":
            measurement = Measurement(case, Status.FAILED, "RuntimeError: out of resource: shared memory")
        elif case.op == "gated_delta_rule":
            measurement = Measurement(case, Status.UNSUPPORTED, "no tuned file for nvidia-h100-80gb-hbm3")
        changed.append(measurement)
    throttled = tuple(msgspec.structs.replace(c, throttle_reasons=("sw_power_cap",)) for c in run.conditions[:3])
    return msgspec.structs.replace(
        run, state="partial", measurements=tuple(changed), conditions=throttled + run.conditions[3:]
    )


def _kernel_cases(arms: Sequence[str]) -> list[tuple[Case, float, int]]:
    cases = []
    for (op, site), (calls, work_bytes, answers) in KERNELS.items():
        axes: dict[str, AxisValue] = {"tokens": 1, "context": 1024} if op == "sdpa" else {"tokens": 1}
        first: Case | None = None
        for arm in arms:
            variant, tunables, us = answers.get(arm, answers["baseline"])
            answer = Implementation(variant, tunables)
            same = first.id if first is not None and first.answer == answer else None
            case = Case("kernel", arm, DTYPE, dict(axes), op, site, None, {"tokens": 1}, calls, answer, same)
            first = first or case
            cases.append((case, us, work_bytes))
    return cases


def _model_cases(arms: Sequence[str]) -> list[tuple[Case, float, int]]:
    cases: list[tuple[Case, float, int]] = []
    for arm in arms:
        axes: dict[str, AxisValue] = {"batch": 1, "context": 1024, "new_tokens": 256}
        cases.append((Case("decode", arm, DTYPE, axes, engine="cuda_graph"), STEP_US[arm], STEP_BYTES))
    for arm in arms:
        cases.append(
            (Case("prefill", arm, DTYPE, {"batch": 1, "context": 1024}, engine="eager"), 61_000.0, 19_000_000_000)
        )
    return cases


def _conditions(process: int, number: int, draw: random.Random) -> Conditions:
    return Conditions(process, number, draw.randrange(1755, 1980, 15), 2619, 52, 410.0)


def _measurement(case: Case, us: float, work_bytes: int, processes: int, draw: random.Random) -> Measurement:
    samples = []
    for process in range(processes):
        level = us * (1 + draw.gauss(0, 0.0035))
        samples += [Sample(level * (1 + abs(draw.gauss(0, 0.002))), process, number) for number in range(ROUNDS)]
    detail = "" if case.kind == "kernel" else "cosine of the logits >= 0.99991 over 32 steps; argmax agrees in 32 of 32"
    left = StreamDivergence(41, 0.003) if case.kind == "decode" and case.arm != "baseline" else None
    detail += f"; {left.words}" if left else ""
    decode = case.kind == "decode"
    return Measurement(
        case,
        Status.OK,
        correctness=Correctness(True, 7.4e-4, 3e-4, 4e-3, 2e-3, 0, 2048, detail=detail, repeatable=True, diverges=left),
        samples=tuple(samples),
        work=Work(work_bytes, work_bytes // 1000, work_bytes * 4),
        timer="cuda_graph",
        calls_per_sample=32,
        peak_memory_bytes=None if case.kind == "kernel" else 21_260_000_000,
        compile_s=6.1 if decode else None,
        capture_s=0.9 if decode else None,
        first_token_us=61_000.0 if decode else None,
    )


def _profile(arm: str) -> Profile:
    place = 0 if arm == "baseline" else 1
    categories, kernels = [], []
    for name, (*times, launches, kernel, scope) in CATEGORIES.items():
        total_ns = round(float(times[place]) * 1e3 * PROFILED_STEPS)
        calls = int(launches) * PROFILED_STEPS
        categories.append(CategoryRow(name, calls, total_ns))
        if name == "MoE":
            share = total_ns * (3 if place == 0 else 2) // (4 if place == 0 else 3)
            kernels.append(KernelRow(str(kernel), name, calls // 2, share, scope=str(scope)))
            kernels.append(
                KernelRow("_fused_moe_silu_kernel", name, calls // 2, total_ns - share, scope="moe_down@experts")
            )
        elif name == "int4mm":
            rest = total_ns
            for site, us, count in (("gdn_in", 9.2, 30), ("lm_head", 124.0, 1)):
                part = round(us * 1e3 * count * PROFILED_STEPS)
                kernels.append(KernelRow(str(kernel), name, count * PROFILED_STEPS, part, scope=f"int4_mm@{site}"))
                rest -= part
            kernels.append(KernelRow(str(kernel), name, calls - 31 * PROFILED_STEPS, rest, scope="int4_mm@gdn_out"))
        else:
            kernels.append(KernelRow(str(kernel), name, calls, total_ns, scope=str(scope)))
    total = sum(row.total_ns for row in categories)
    count = sum(row.calls for row in categories)
    return Profile(
        "cuda",
        count,
        total,
        total,
        total,
        total,
        total + 900_000,
        total,
        0,
        tuple(categories),
        tuple(kernels),
        {"launches_without_kernels": 0},
        PROFILED_STEPS,
        arm,
        "eager",
        {"batch": 1, "context": 1024},
    )
