"""Joules in reports: gross and net in every table of cases, what idle was, why there are none; nothing without them."""

from __future__ import annotations

import json

import msgspec
import pytest

from harness.store import Store
from harness.values.energy import EnergyWindow
from harness.values.measurement import Measurement
from harness.values.run import Run
from harness_reports.documents.runs import run_text
from harness_reports.pages import markdown
from harness_reports.pages.terminal import plain
from harness_reports.views.view import build
from tests.reports.run_factory import synthetic_run

IDLE_W, BUSY_W = 82.0, 600.0


def windows(units_per_s: float, processes: int = 1) -> tuple[EnergyWindow, ...]:
    return tuple(
        EnergyWindow(BUSY_W * (1 + process / 1000), 1.0, units_per_s, process, 0.002, 0.1, IDLE_W)
        for process in range(processes)
        for _ in range(10)
    )


def with_energy(run: Run) -> Run:
    def of(m: Measurement) -> Measurement:
        tokens = 1000.0 if m.case.kind == "prefill" else 100.0
        return msgspec.structs.replace(m, energy=windows(10_000.0 if m.case.kind == "kernel" else tokens, 5))

    return msgspec.structs.replace(run, measurements=tuple(map(of, run.measurements)))


def test_tables_show_millijoules_gross_and_net() -> None:
    """600 W over 100 tokens a second are 6,012 mJ each as the mean of five processes, 518 W of them net."""
    view = build(with_energy(synthetic_run(processes=5)))
    page, shown = markdown.render(view), plain(view, columns=240)
    for text in (page, shown):
        assert "mJ per token" in text and "mJ per call" in text and "mJ, net" in text
        assert "6,012" in text and "5,192" in text
        assert "Idle, the device takes 82.0 W" in text and "come every 100 ms" in text
    assert "6,012 ± 12" in shown and "5,192 ± 12" in shown


def test_without_energy_nothing_is_said_of_it() -> None:
    view = build(synthetic_run())
    assert view.energy == ()
    assert "mJ" not in markdown.render(view) and "mJ" not in plain(view, columns=240)


def test_why_there_is_none_is_a_sentence() -> None:
    run = synthetic_run()
    unknown = tuple(msgspec.structs.replace(m, no_energy="a CPU has no energy counter") for m in run.measurements)
    view = build(msgspec.structs.replace(run, measurements=unknown))
    assert view.energy == ("Energy is not known: a CPU has no energy counter.",)
    assert "mJ" not in plain(view, columns=240)


def test_documents_have_joules_with_interval_and_n() -> None:
    run = with_energy(synthetic_run(processes=5))
    for case, m in zip(json.loads(run_text(run))["cases"], run.measurements, strict=True):
        gross, net = case["energy_j"], case["net_energy_j"]
        units = m.energy[0].units
        assert gross["value"] == pytest.approx(BUSY_W * 1.002 / units, rel=1e-4) and gross["n"] == 5
        assert net["value"] == pytest.approx((BUSY_W * 1.002 - IDLE_W) / units, rel=1e-4)
        assert gross["low"] < gross["value"] < gross["high"]


def test_windows_of_all_processes_come_back_from_a_store() -> None:
    """By process, as one measurement; a run that was stored without any has none."""
    run = synthetic_run()
    case = run.measurements[0]
    store = Store("sqlite://")
    run_id = store.begin(msgspec.structs.replace(run, measurements=(), profiles=(), streams={}))
    for process in (1, 0):
        of_it = tuple(window for window in windows(100.0, 2) if window.process == process)
        store.add_measurement(run_id, process, msgspec.structs.replace(case, energy=of_it))
    (found,) = store.load(run_id).measurements
    assert [window.process for window in found.energy] == [0] * 10 + [1] * 10


def test_what_is_no_more_than_idle_has_no_net_energy() -> None:
    """A call that takes no more than the idle device does, to the resolution of the counter: gross alone is shown."""
    run = synthetic_run()
    idle = tuple(
        msgspec.structs.replace(m, energy=(EnergyWindow(81.9, 1.0, 10.0, 0, 0.002, 0.1, IDLE_W),))
        for m in run.measurements
    )
    changed = msgspec.structs.replace(run, measurements=idle)
    shown = plain(build(changed), columns=240)
    assert "mJ per token" in shown and "mJ, net" not in shown
    assert all(case["net_energy_j"] is None for case in json.loads(run_text(changed))["cases"])
