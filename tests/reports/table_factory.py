"""A value of every kind that is shown as a table, and the tables of all of them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.compare.history import CaseHistory, Moment
from harness.plan import expand
from harness.ranks.job import read_job
from harness.ranks.recognise import recognise
from harness.stats import estimate
from harness.suite.load import load_suite
from harness.trace import breakdown, difference, load_rules
from harness.trace.inputs.members import TraceFile
from harness.values.attempt import Attempt, Diagnosis
from harness.values.binary import Binary
from harness.values.bisect import Bisected, BisectResult, BisectStep, Commit, CommitState
from harness.values.case import Case, Implementation
from harness.values.change import Change, Missing, Point, Series
from harness.values.compiled import Compiled
from harness.values.estimate import Ratio
from harness.values.event import Acceptance, Answer, Confirmation, Note
from harness.values.launch import Launch
from harness.values.machine import Health, MachineState, Probe, Sniff, Sniffed
from harness.values.measurement import Status
from harness.values.numerics import BatchInvariance, Determinism, Numerics, Sameness
from harness.values.package import Package, PackagedKernel
from harness.values.pairing import CaseNoise, Noise, Tree
from harness.values.profile import Profile, SiteBinary, SiteWork, SumRow
from harness.values.quality import AgainstArm, DecodeQuality, QualityVerdict, TokenBlocks, TokenMean
from harness.values.ranks import Job
from harness.values.run import Run
from harness.values.sanitizer import AccessError, ToolReport
from harness.values.standing import ChangeState, KnownChange, Standing
from harness.values.static_comparison import KernelChange, StaticCase, StaticComparison, StaticSide, StaticVerdict
from harness.values.static_sweep import StaticSweep
from harness.values.summary import Summary
from harness.values.sweep import Configuration, Confirmed, SweepResult
from harness_reports.table import Table
from harness_reports.tables import (
    bisect,
    categories,
    changes,
    figures,
    kernels,
    machines,
    models,
    noise,
    op_work,
    over_runs,
    packages,
    plan,
    quality,
    run,
    sanitized,
    static,
    step_parts,
    sweep,
)
from harness_reports.tables import breakdown as of_traces
from harness_reports.tables import health as of_machines
from harness_reports.tables.ranks import every_table as rank_tables
from harness_reports.views.history_view import slim
from harness_reports.views.history_view import trends as trends_of
from harness_reports.views.machines import side_by_side
from harness_reports.views.view import build
from tests.conftest import REPOSITORY
from tests.ranks.made import write_rank
from tests.sweep.made import case, finals, measured, question, row
from tests.trace.made import KERNELS, gpu, write

from .comparison_factory import comparison_tables
from .compiler_factory import compiler_tables
from .outside_factory import outside_run
from .run_factory import ENVIRONMENT, broken_run, synthetic_run
from .views.test_step_view import graph_run

BINARY = Binary("ab" * 32, "sm_90", "3.6.0", "12.8", "down_kernel", 64, 0, 0, 0, 4, load_bytes=16, blocks_per_sm=8)
SIDE = StaticSide(Tree("main", "4f2c9e1"), None, {"sm_90": "triton 3.6.0"})


def attempt() -> Attempt:
    made = synthetic_run(1)
    kernel, other = [m for m in made.measurements if m.case.kind == "kernel"][:2]
    diagnosis = Diagnosis("zero", "all zero")
    return Attempt(made.started, "a.py", "text", kernel, number=3, against=other, diagnosis=diagnosis, tags=("best",))


def noise_of_two_cases() -> Noise:
    """One with a lasting offset, one without."""
    cases = {"a": CaseNoise(4e-6, 15, 0.002, 16, True, 0.001, 0.01, 3), "b": CaseNoise(4e-6, 15, 0.002, 16)}
    return Noise(cases, worktree_pairs=4, order_error=0.001)


def swept() -> SweepResult:
    """A choice, a duplicate of it and one that was pruned."""
    fast, base = case(block_n=8, num_warps=2), case(block_n=32, num_warps=4)
    end = finals([Confirmed(measured(fast, [5.0] * 4))], Confirmed(measured(base, [6.0] * 4)), fast.id)
    chosen = msgspec.structs.replace(row(5.0, block_n=8, num_warps=2), binary=BINARY)
    pruned = Configuration("k", msgspec.structs.replace(row(None).measurement, status=Status.TIMEOUT, reason="60 s"))
    rows = [chosen, row(None, "static", fast.id, block_n=8, num_warps=4), pruned]
    asked = question(rows, end)
    return SweepResult("1", "s", ENVIRONMENT, (asked, question(rows)), (), 1.0, 0.1, 0.5, 0)


def compiled_sweep() -> StaticSweep:
    tuned = [
        Case("kernel", "sweep", "int4", {}, op="int4_mm", site="main", answer=Implementation("v", {"n": n}))
        for n in (8, 16)
    ]
    launch = Launch(BINARY.sha256, "k", (8, 1, 1), (1, 1, 1), 0)
    rows = (Compiled(tuned[0], Status.OK, "", (launch,), (BINARY,)), Compiled(tuned[1], Status.FAILED, "it raises"))
    return StaticSweep("s", "sm_90", "triton 3.6.0", {"int4_mm/v": "ab"}, rows, 4, 60.0, 1.5)


def static_comparison() -> StaticComparison:
    changed = KernelChange("down_kernel", BINARY, msgspec.structs.replace(BINARY, registers=168), False, ("registers",))
    name = "moe_down@experts/int4-g128/bfloat16/context=1024/baseline"
    found = StaticCase(name, "sm_90", StaticVerdict.WORSE, "registers 64 -> 168", (changed,), (), "triton_vecmat.py:61")
    return StaticComparison(SIDE, SIDE, ("sm_90",), (found,))


def history() -> CaseHistory:
    made = synthetic_run(1)
    time = estimate(made.measurements[0].samples)
    moments = (Moment("1", made.started, "abc", "OK", time=time), Moment("2", made.started, "", "FAILED", "no"))
    return CaseHistory("moe_gate_up@experts/int4-g128/bfloat16/baseline", "s", "us/call", moments)


def changed_series() -> Series:
    """One change, of one commit in three."""
    before, since = Point("a" * 40, ("1",), 2.0), Point("b" * 40, ("2", "3"), 2.05)
    change = Change(
        "int4_mm@lm_head", "s", "GPU GPU-1234", before, since, 3, Ratio(1.05, 1.04, 1.06, 0.95, 4, "run"), 9.5
    )
    return Series("int4_mm@lm_head", "s", "GPU GPU-1234", (before, since), 1, (change,))


def stopped() -> tuple[Missing, ...]:
    """One case that fails, one whose machine is silent."""
    here = changed_series().machine
    failing = Missing("int4_mm@lm_head/baseline", "small", here, "7", "a" * 40, 3, "FAILED", "it raised")
    return failing, Missing("sdpa@main/baseline", "small", here, "5", "b" * 40)


def changed_standing() -> Standing:
    """That change with each state that it can have."""
    (change,), ratio = changed_series().changes, Ratio(1.051, 1.049, 1.053, 0.95, 6, "pair")
    commit = Commit("b" * 40, "another block size")
    known = []
    for answer in Answer:
        left = (commit,) if answer is Answer.COMMIT else (Commit("a" * 40), commit) if answer.is_confirmed else ()
        found = Confirmation(
            answer.name, "2026-01-05T00:00:00+00:00", "somebody <s@example.com>", "s", change.case, change.machine,
            "a" * 40, "c" * 40, change.ratio, answer, ratio, left, 6, "its memory takes 20 % longer since then",
        )  # fmt: skip
        state = ChangeState.REFUTED if answer.is_refuted else ChangeState.SUSPECTED
        known.append(KnownChange(change, ChangeState.CONFIRMED if answer.is_confirmed else state, ratio, found))
    accepted = Acceptance("1", "2026-01-06T00:00:00+00:00", "somebody", "s", change.case, "b" * 40, "needed", 6.0)
    known += [
        KnownChange(change, ChangeState.ACCEPTED, ratio, known[0].confirmation, accepted),
        KnownChange(change, ChangeState.SUSPECTED, change.ratio),
    ]
    return Standing(change.case, "s", change.machine, tuple(known), 1.051)


def history_notes() -> list[Note]:
    return [Note("n", "2026-01-07T00:00:00+00:00", "somebody", "s", "", "b" * 40, "new cooling")]


def bisected() -> Bisected:
    """A commit that was found among two that were measured, one of which does not build."""
    good, broken, bad = Commit("a" * 40, "before"), Commit("b" * 40, "does not build"), Commit("c" * 40, "slower")
    ratio = Ratio(1.05, 1.04, 1.06, 0.95, 4, "pair")
    steps = (
        BisectStep(broken, CommitState.BROKEN, reason="no suite"), BisectStep(bad, CommitState.BAD, 4, ratio),
    )  # fmt: skip
    return Bisected(
        "int4_mm@gdn_in", good, bad, BisectResult.FOUND, 2, 12, ratio, (bad,), ratio, 1.0, is_alone=True, steps=steps
    )


def summary() -> Summary:
    return Summary("1", "u", synthetic_run(1).started, "s", "complete", "note", ("t",), 2, 2, "GPU")


def machine_healths() -> list[Health]:
    """A GPU that is slow today, and a machine that is new."""
    sniff = Sniff("box", 3000.0, 210.0, 2.1, 0.3, "96.00", 1755, 2619, 61, 640.0, ())
    look = Sniffed("GPU-1234", "NVIDIA H100 GPU-1234", "2026-01-07T00:00:00+00:00", "u", ("570.00", "700.0"), sniff)
    probes = Probe("memory", 0.002, 0.05), Probe("matmul", 0.21, 0.05), Probe("launch", 0.01, 0.1)
    new = msgspec.structs.replace(look, machine="cpu at box", name="cpu")
    return [
        Health("GPU-1234", look.name, MachineState.UNUSABLE, 12, look, probes, "2026-01-06T00:00:00+00:00"),
        Health("cpu at box", "cpu", MachineState.UNKNOWN, 1, new),
    ]


def tool_reports() -> tuple[ToolReport, ...]:
    """One that found a race and a stray write, one that found nothing, one that could not run."""
    race = AccessError(
        "interpreter", "race", "sum_kernel", "/here/my_kernels/sum.py", 21, 64, "y", "elements 0 to 63", 18,
        "program 3,0,0",
    )  # fmt: skip
    stray = AccessError(
        "interpreter", "write outside", "sum_kernel", "/elsewhere/tail.py", 7, 1, "z", "+1 after its end"
    )
    return (
        ToolReport("memcheck", (AccessError("memcheck", "Invalid __global__ write of size 4 bytes", "sum_kernel"),)),
        ToolReport("racecheck"),
        ToolReport("synccheck", reason="no `compute-sanitizer` on the PATH"),
        ToolReport("interpreter", (race, stray)),
    )


def labelled_run() -> Run:
    """With what its outputs are beside right: kernels that repeat themselves and one that does not, a second arm that
    is farther from the float32 model."""
    run, found = synthetic_run(), []
    for place, m in enumerate(run.measurements):
        if m.case.kind == "kernel":
            repeats = Determinism(Sameness.WITHIN, 20, 3, 1.2e-3) if place == 1 else Determinism(Sameness.BITWISE, 20)
            rows = BatchInvariance("tokens", 8, 8, Sameness.DIFFERS if place else Sameness.BITWISE, 0.04)
            found.append(msgspec.structs.replace(m, numerics=Numerics(repeats, rows)))
        elif m.case.kind == "decode":
            against = AgainstArm("baseline", KL, SHARE, KL, KL, QualityVerdict.FARTHER)
            other = against if m.case.arm != "baseline" else None
            judged = DecodeQuality(64, 0.95, KL, SHARE, KL, KL, TokenMean(0, 0, 0), TokenBlocks((), (), ()), other)
            found.append(msgspec.structs.replace(m, quality=judged, package=packaged() if other else None))
        else:
            found.append(m)
    return msgspec.structs.replace(run, measurements=tuple(found))


def packaged() -> Package:
    """Of a step with a kernel that was chosen from six configurations, otherwise the second time, and one that was
    given."""
    given = PackagedKernel("step_kernel_3", 1, {"BLOCK": 64, "num_warps": 4}, "causal_conv/triton_step", 6144)
    tuned = PackagedKernel(
        "gate_up_kernel_0", 6, {"BLOCK_K": 256, "BLOCK_N": 8, "num_warps": 2, "num_stages": 2},
        "moe_gate_up/triton_vecmat", 11_264, (("BLOCK_K=32 BLOCK_N=32, 2 warps, 2 stages", 0.02),), 2, 0, "256",
        same_again=False,
    )  # fmt: skip
    parts = {"library": 3_790_000, "kernels": 17_408}
    return Package("pt2", 4.1, 14.5, 3_910_000, "0" * 64, 0.45, 2.5, 8.0, parts, (tuned, given), 6, "real inputs", 2)


KL, SHARE = TokenMean(1e-3, 8e-4, 1.2e-3), TokenMean(0.98, 0.92, 1.0)


def rank_job(folder: Path) -> tuple[Job, tuple[Profile, ...]]:
    """Two ranks, the second one late."""
    paths = [write_rank(folder / f"rank{rank}.json", rank, 2, 102, 50.0) for rank in range(2)]
    found = recognise([TraceFile(path, str(path)) for path in paths])
    assert found is not None
    job = read_job(found)
    return job.job, job.profiles


def every_table(folder: Path) -> list[Table]:
    """One or more of each kind that `reports/tables` declares."""
    made, broken, labelled = synthetic_run(3), build(broken_run()), build(labelled_run())
    view, two = (
        build(made),
        [write(folder / "a.json", KERNELS), write(folder / "b.json", [*KERNELS, gpu(600, 4, "k", 9)])],
    )
    profiles = [breakdown(trace, load_rules(), steps=2) for trace in two]
    changed, profiled = difference(*profiles), view.categories[0]
    planned = expand(load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml"))
    module = expand(load_suite(REPOSITORY / "examples" / "hf" / "qwen3_moe_tiny.yaml"))
    runs = [slim(synthetic_run(1, seed=seed)) for seed in (1, 2)]
    trends, side = trends_of(runs), side_by_side([made, synthetic_run(1, seed=8)])
    site, spent = SiteWork("moe_down@experts", 40, 10**9, 10**6, 10**9), SumRow("moe_down@experts", 320, 10**7)
    work = msgspec.structs.replace(made.profiles[0], work=(site,), scopes=(spent,))
    binaries = run.ArmBinaries("baseline", (SiteBinary("moe_down@experts", 40, (8, 1, 1), BINARY),), ())
    compiled, outside = compiled_sweep(), build(outside_run())
    return [
        kernels.kernels(view), kernels.profiled_kernels(profiled, profiled.kernels[0]), categories.categories(profiled),
        categories.totals(profiled), quality.quality(labelled, labelled.decodes), kernels.kernels(labelled),
        packages.packages(labelled, labelled.decodes), step_parts.step_parts(build(graph_run()).steps),
        models.models(view, view.decodes), models.models(view, view.prefills), models.reconciled(view),
        figures.outside_figures(outside, outside.figures),
        run.problems(broken), run.processes(view), run.binaries(binaries), run.machine(view),
        *comparison_tables(), static.changed_kernels(static_comparison()), sweep.finalists(swept().questions[0]),
        sweep.finalists(swept().questions[1]), sweep.configurations(swept()), sweep.compiled(compiled.configurations),
        of_traces.categories(profiles[0]), *(of_traces.listed(profiles[0], by) for by in of_traces.LISTS),
        of_traces.idle(profiles[0]), of_traces.changed_categories(changed), of_traces.changed_kernels(changed),
        *(machines.answers(side, *unit) for unit in machines.by_unit(side)), machines.runs(side),
        bisect.steps(bisected()), changes.known_changes([changed_standing()]), changes.missing(stopped()),
        changes.overview([changed_standing()]), changes.notes(history_notes()),
        of_machines.health(machine_healths()),
        machines.differences(side), op_work.op_work(work, ENVIRONMENT), over_runs.trends(trends),
        over_runs.points(trends[0]), over_runs.samples(view.strips), over_runs.stored([summary()]),
        over_runs.moments(history()), over_runs.attempts([attempt()]), plan.cases(planned), plan.model(planned),
        plan.changes(module), noise.noise(noise_of_two_cases()), *compiler_tables(),
        sanitized.access_errors(tool_reports()),
        *rank_tables(*rank_job(folder)),
    ]  # fmt: skip
