"""The landscape of a sweep and what is said of the data, in values that can be checked by hand."""

from __future__ import annotations

import msgspec

from harness.values.case import Case, Implementation
from harness.values.measurement import Measurement, Sample, Status
from harness.values.run import Run
from harness_reports.pages import html
from harness_reports.views.view import build
from tests.reports.hostile import EVIL
from tests.reports.run_factory import DTYPE, broken_run, synthetic_run


def swept(names: tuple[str, str] = ("block_n", "block_k")) -> Run:
    """4 x 3 configurations with two warps each; us is n + k/10 + warps/100, one of them failed."""
    measured = []
    for n in (8, 16, 32, 64):
        for k in (32, 64, 128):
            for warps in (2, 4):
                answer = Implementation("triton_vecmat", {names[0]: n, names[1]: k, "num_warps": warps})
                case = Case("kernel", "sweep", DTYPE, {"tokens": 1}, "moe_down", "experts", answer=answer)
                case = msgspec.structs.replace(case, tunables_in_id=True)
                us = n + k / 10 + warps / 100
                samples = tuple(Sample(us * factor, 0, r) for r, factor in enumerate((0.999, 1.0, 1.001)))
                if (n, k) == (64, 128):
                    measured.append(Measurement(case, Status.FAILED, "out of resource: shared memory"))
                else:
                    measured.append(Measurement(case, Status.OK, samples=samples))
    run = synthetic_run()
    planned = tuple(m.case for m in measured)
    return msgspec.structs.replace(run, planned=planned, measurements=tuple(measured), profiles=())


def test_a_cell_is_the_fastest_over_the_other_tunables() -> None:
    (terrain,) = build(swept()).terrains
    names = terrain.landscape
    assert (names.row_name, names.column_name) == ("block_n", "block_k")
    assert names.columns == ("32", "64", "128") and [name for name, _ in terrain.rows] == ["8", "16", "32", "64"]
    cells = {(n, k): tile for n, row in terrain.rows for k, tile in zip(names.columns, row, strict=True)}
    assert cells["8", "32"].us == 8 + 3.2 + 0.02 and cells["8", "32"].best and cells["8", "32"].shade == 0
    assert cells["64", "128"].text == "-" and cells["64", "64"].shade == 35
    shades = [cells[n, "32"].shade for n in ("8", "16", "32", "64")]
    assert shades == sorted(set(shades))
    assert "22 of 24 configurations were timed" in terrain.counts


def test_a_sweep_is_held_against_its_fastest() -> None:
    """Whatever the order of its plan."""
    backwards = msgspec.structs.replace(swept(), measurements=swept().measurements[::-1], planned=swept().planned[::-1])
    view = build(backwards)
    (group,) = view.kernels
    assert group.rows[0].config.endswith("8,32 w2") and group.rows[0].ratio is None
    assert all(row.ratio and row.ratio.value > 1 for row in group.rows[1:])
    assert "Against the fastest" in html.render(view) and "64,128" in view.problems[0].case


def test_other_runs_have_no_landscape() -> None:
    assert build(synthetic_run()).terrains == () and 'id="landscape"' not in html.render(build(synthetic_run()))


def test_hostile_tunables_stay_in_their_cells() -> None:
    page = html.render(build(swept((EVIL, f"{EVIL}2"))))
    assert 'id="landscape"' in page and page.count("<script") == 1 and "<img" not in page


def test_quality_counts_every_sample_and_says_what_was_throttled() -> None:
    """Sums of what the run holds; nothing is claimed of a machine that does not say."""
    run = broken_run()
    found = dict(build(run).quality)
    total = sum(len(m.samples) for m in run.measurements)
    assert found["Samples"].startswith(f"{total:,} of ") and "none trimmed" in found["Samples"]
    assert found["Throttling"] == "throttled in 3 of 14 rounds: sw_power_cap"
    silent = tuple(msgspec.structs.replace(c, sm_clock_mhz=None, throttle_reasons=()) for c in run.conditions)
    assert (
        dict(build(msgspec.structs.replace(run, conditions=silent)).quality)["Throttling"]
        == "this machine does not say"
    )
    assert "MHz, median" in found["SM clock"]


def test_a_name_of_10_000_characters_is_cut_everywhere() -> None:
    """In a trace, a suite, a branch and a reason: pages stay readable and small, names keep both of their ends."""
    long = "start_" + "x" * 10_000 + "_end"
    run = synthetic_run()
    assert run.environment
    environment = msgspec.structs.replace(run.environment, commit=long, device_name=long)
    profiles = tuple(
        msgspec.structs.replace(p, kernels=tuple(msgspec.structs.replace(k, name=long) for k in p.kernels))
        for p in run.profiles
    )
    named = msgspec.structs.replace(
        run, suite=long, title=long, note=long, id=long, environment=environment, profiles=profiles
    )
    page = html.render(build(named))
    assert "x" * 1000 not in page and "start_x" in page and "x_end" in page
    assert len(page) < 200_000
