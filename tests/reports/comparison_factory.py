"""Comparisons and histories of any size for the tests of reports; every number is made up, drawn with a seed."""

from __future__ import annotations

import math
import random

import msgspec

from harness.compare import compare
from harness.compare.explain import Explanation, explained
from harness.compare.sides import StoredSide
from harness.errors import ExitStatus
from harness.values.case import Case, Implementation
from harness.values.estimate import Ratio
from harness.values.interpreter import Interpreter
from harness.values.interpreter_matrix import Beside, InterpreterMatrix
from harness.values.measurement import Correctness, Measurement, Sample, Status, Work
from harness.values.numerics import OutputsCompared, Sameness
from harness.values.reason import NotMeasured, SideProblem
from harness.values.run import Run
from harness.values.verdict import CaseVerdict, Comparison, Side, Verdict
from harness_reports.table import Table
from harness_reports.tables.comparison import differences, verdicts
from harness_reports.tables.interpreters import matrix

from .run_factory import DTYPE, ENVIRONMENT, synthetic_run

SHIFTS = {Verdict.SLOWER: 1.08, Verdict.FASTER: 0.93, Verdict.SAME: 1.0, Verdict.UNDECIDED: 1.01}


def comparison(cases: int = 100, slower: int = 2, pairs: int = 8, seed: int = 1, name: str = "") -> Comparison:
    """So many cases: the first `slower` gated and slower, then a mix; the last one failed where there are over ten."""
    draw = random.Random(seed)
    verdicts = []
    for number in range(cases):
        kinds = (Verdict.SAME, Verdict.SAME, Verdict.FASTER, Verdict.UNDECIDED)
        verdict = Verdict.SLOWER if number < slower else kinds[number % len(kinds)]
        if cases > 10 and number == cases - 1:
            verdict = Verdict.INVALID
        ratio = _ratio(SHIFTS[verdict] * math.exp(draw.gauss(0, 0.001)), pairs) if verdict in SHIFTS else None
        verdicts.append(
            CaseVerdict(
                case=f"int4_mm@site{number}/{DTYPE}/context=1024/baseline{name}",
                metric="kernel_us",
                verdict=verdict,
                reason=NotMeasured((SideProblem("head", Status.FAILED, f"{verdict} for reason {number % 3}{name}"),)),
                gated=number % 2 == 0 or number < slower,
                base=12.5,
                head=12.5 * ratio.value if ratio else None,
                ratio=ratio,
                failed=verdict is Verdict.INVALID,
            )
        )
    base, head = (
        Side(run, None, "qwen3_5_moe", "2026-01-02T03:04:05+00:00", "complete", pairs, "0123456789ab", name)
        for run in ("146", "147")
    )
    return Comparison(base, head, True, (), tuple(verdicts), ("these runs were not interleaved",))


def explained_arms() -> tuple[Run, Comparison, Explanation]:
    """An arm of a run against its first one, by `compare` itself; profiles and kernels explain the decode."""
    run = synthetic_run(3)
    sides = StoredSide(run, "baseline"), StoredSide(run, "autotuned")
    found = compare(*sides)
    return run, found, explained(found, sides, ())


def interpreter_matrix() -> InterpreterMatrix:
    """Three interpreters: the second is slower and computes another result, the third could not be measured."""
    packages = {"torch": "2.11.0", "triton": "3.6.0", "numpy": "1.26.4"}
    base = Interpreter("/a/bin/python", "3.12.1", packages)
    newer, older = (
        Interpreter(f"/{name}/bin/python", "3.12.1", {**packages, "triton": triton})
        for name, triton in (("b", "3.7.1"), ("c", "3.5.0"))
    )
    compared = comparison(12)
    first, *others = compared.verdicts
    differ = OutputsCompared(Sameness.DIFFERS, 0.25, 0.01)
    compared = msgspec.structs.replace(
        compared, verdicts=(msgspec.structs.replace(first, outputs=differ), *others), under_test=base.differences(newer)
    )
    failed = Beside(older, base.differences(older), None, "the worker died", ExitStatus.CASE_FAILED)
    return InterpreterMatrix(base, (Beside(newer, base.differences(newer), compared), failed))


def comparison_tables() -> list[Table]:
    return [verdicts(comparison(12)), differences(comparison(2)), matrix(interpreter_matrix())]


def _ratio(value: float, pairs: int) -> Ratio:
    return Ratio(value, value * 0.997, value * 1.003, 0.99, pairs, "pair")


def large_run(cases: int = 100, processes: int = 8, rounds: int = 4, number: int = 0, drift: float = 0.0) -> Run:
    """A run of many kernel cases in two arms."""
    draw = random.Random(number)
    measured = []
    for place in range(cases):
        arm = ("baseline", "autotuned")[place % 2]
        case = Case(
            "kernel", arm, DTYPE, {"tokens": 1}, "int4_mm", f"site{place // 2}", None, {"n": 64, "k": 32}, 4,
            Implementation(
                "triton_vecmat", {"block_n": 8 << place % 2, "block_k": 256, "num_warps": 2, "num_stages": 2}
            ),
        )  # fmt: skip
        us = (5 + place) * (1 + drift) * math.exp(draw.gauss(0, 0.003))
        samples = [Sample(us * math.exp(draw.gauss(0, 0.003)), p, r) for p in range(processes) for r in range(rounds)]
        measured.append(
            Measurement(
                case,
                Status.OK,
                correctness=Correctness(True, 1e-3, 3e-4, 4e-3, 2e-3, 0, 64),
                samples=tuple(samples),
                work=Work(4_000_000, 4_000, 16_000_000),
                timer="cuda_graph",
                peak_memory_bytes=1 << 30,
            )
        )
    started = f"2026-{1 + number // 28 % 12:02}-{1 + number % 28:02}T00:00:00+00:00"
    return Run(
        id=str(number + 1), started=started, suite="large", suite_hash="ab" * 32, title="Many kernels",
        state="complete", processes=processes, planned=tuple(m.case for m in measured), measurements=tuple(measured),
        environment=msgspec.structs.replace(ENVIRONMENT, commit=f"{number:09x}ab"),
    )  # fmt: skip
