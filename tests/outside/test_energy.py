"""Joules of programs outside, from the counter of a made-up GPU."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.device import energy_ticks, nvml
from harness.plan import expand
from harness.runner.execute import Execution
from harness.runner.stage import Options
from harness.store import Store
from harness.suite.load import load_suite
from harness.values.measurement import Measurement, Status
from harness.values.run import Run
from harness.values.stage import TIMED
from harness_reports.pages.terminal import plain
from harness_reports.views.view import build
from tests.device.test_nvml import made_up
from tests.measure.planted_power import PlantedPower

from .programs import program
from .server import serving

PROGRAM = """\
suite: 1
title: A program
engine:
  command:
    run: ./a.sh
    repeat_s: 0
    warmup: 1
    figures: {ms: {read: regex, at: 'ms (\\S+)', unit: ms}, wall: {read: wall}}
arms: {one: {}}
"""
SERVER = """\
suite: 1
title: A server
engine: {http: {url: "URL", prompt_tokens: 6, new_tokens: 4, requests: 2, concurrency: [2]}}
arms: {one: {}}
"""


@pytest.fixture
def power(monkeypatch: pytest.MonkeyPatch) -> PlantedPower:
    """A GPU of 90 W, whose counter moves every 10 ms."""
    found = PlantedPower(idle_w=90.0, busy_w=90.0, tick_s=0.01)
    gpu(monkeypatch, found)
    return found


def gpu(monkeypatch: pytest.MonkeyPatch, power: PlantedPower, **answers: object) -> None:
    module = made_up(nvmlDeviceGetCudaComputeCapability=(9, 0), **answers)
    module.NVML_TEMPERATURE_GPU = 0
    module.nvmlDeviceGetTotalEnergyConsumption = lambda handle: power.joules() * 1000
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(nvml, "open_nvml", lambda: (module, ""))
    monkeypatch.setattr(energy_ticks, "STUCK_S", 0.2)


def measured(text: str, folder: Path) -> Run:
    path = folder / "suite.yaml"
    path.write_text(text)
    program(folder / "a.sh", "sleep 0.05; echo ms 3")
    suite, store = load_suite(path), Store(str(folder / "runs.sqlite"))
    options = Options(stages=TIMED, energy=True)
    return store.load(Execution(suite, lambda _: expand(suite), store, options, lambda *_: None).run())


def figure(run: Run, name: str) -> Measurement:
    return next(m for m in run.measurements if m.case.op == name)


def test_a_program_has_the_joules_of_its_runs(power: PlantedPower, tmp_path: Path) -> None:
    """From before the first to after the last, the warm-up among them; one figure has them, and idle is not known."""
    began_s = time.perf_counter()
    run = measured(PROGRAM, tmp_path)
    took_s = time.perf_counter() - began_s
    [window] = figure(run, "ms").energy
    assert window.units == 2 and 0.1 <= window.seconds < took_s and window.idle_w is None
    assert window.joules == pytest.approx(90.0 * window.seconds, rel=window.resolution + 0.01 / window.seconds)
    other = figure(run, "wall")
    assert other.energy == () and other.no_energy == "" and other.samples
    shown = plain(build(run), columns=240)
    assert "mJ each" in shown and "of the whole GPU, idle included" in shown and "net is without" not in shown


def test_a_server_has_joules_a_token(power: PlantedPower, tmp_path: Path) -> None:
    """Of all clients, and of the requests that warm it up."""
    with serving(0.01, 0.001) as stub:
        run = measured(SERVER.replace("URL", stub.url), tmp_path)
    [window] = figure(run, "total").energy
    assert window.units == 2 * 4 + 2 * 2 * 4


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=7)]}, "1 other processes were on the GPU"),
        ({"nvmlDeviceGetCount": 2}, "several GPUs are visible"),
    ],
)
def test_joules_of_others_are_not_taken(
    answers: dict[str, object], why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gpu(monkeypatch, PlantedPower(90.0, 90.0), **answers)
    run = measured(PROGRAM, tmp_path)
    assert all(m.status is Status.OK and m.samples and not m.energy and why in m.no_energy for m in run.measurements)


def test_a_counter_that_stops_loses_no_figure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gpu(monkeypatch, PlantedPower(0.0, 0.0))
    run = measured(PROGRAM, tmp_path)
    assert all(m.samples and "did not move in 0.2 s" in m.no_energy for m in run.measurements)
