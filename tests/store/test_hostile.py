"""A real run's file with values put in that nobody writes: refused in one line, or shown, never a traceback."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import HarnessError
from harness.store import Store, export_run, read_exported
from harness.store.soundness import refuse_unsound
from harness.values.energy import EnergyWindow
from harness.values.measurement import Measurement, Statistics
from harness_reports.documents.runs import run_text
from harness_reports.pages import markdown
from harness_reports.pages.terminal import render
from harness_reports.pages.write import write
from harness_reports.views.view import build

SAMPLE = Path(__file__).parents[2] / "reports" / "samples" / "fast-h100" / "run.json.gz"
MUTANTS = 100
ODD: list[Any] = [
    None, True, -1, 0, 1, 2**63, 2**80, -(2**70), 1e308, -1e308, 1e-320, 0.0, "", "x" * 5000, "<b>\x1b[31m\u202e",
    "\x00", [], {}, [1], {"$float": "nan"}, {"$float": "inf"}, {"$float": "x"}, "last",
]  # fmt: skip
Keys = tuple[str | int, ...]


def _keys(value: object, at: Keys = ()) -> Iterator[Keys]:
    """Of every value below; of a list those of its first three items."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, item in items:
        yield from _keys(item, (*at, key))


def _small(folder: Path) -> Any:
    """The decode and three kernels of a run on an H100, as plain values."""
    run, identity = read_exported(SAMPLE)
    kernels = [m.case.id for m in run.measurements if m.case.kind == "kernel"][:3]
    kept = {*kernels, *(m.case.id for m in run.measurements if m.case.kind != "kernel")}
    small = msgspec.structs.replace(
        run, planned=tuple(c for c in run.planned if c.id in kept), conditions=run.conditions[:4], sources={},
        measurements=tuple(_with_energy(m) for m in run.measurements if m.case.id in kept), streams={},
    )  # fmt: skip
    export_run(small, identity, folder / "small.json")
    return json.loads((folder / "small.json").read_text())


def _with_energy(measurement: Measurement) -> Measurement:
    windows = [EnergyWindow(500.0 + second, 1.0, 100.0, 0, 0.002, 0.1, 80.0) for second in range(3)]
    return msgspec.structs.replace(measurement, energy=tuple(windows))


@pytest.mark.parametrize(
    ("field", "value"),
    [("started", "not a time"), ("started", "-0001-01-01T00:00:00+00:00"), ("suite", "../x"), ("suite", "x" * 201)],
)
def test_what_sorts_or_names_a_file_is_checked(field: str, value: str) -> None:
    """A run without a start is that of a file that says none."""
    run = read_exported(SAMPLE)[0]
    with pytest.raises(HarnessError, match=f"^f: {field} .*; allowed: "):
        refuse_unsound(msgspec.structs.replace(run, **{field: value}), "f")
    refuse_unsound(msgspec.structs.replace(run, started="", suite="ünï"), "f")


@pytest.mark.parametrize("us", [1e308, 5e-324, float("nan"), float("inf"), -1.0, 0.0])
def test_a_time_whose_ratio_overflows_is_refused(us: float) -> None:
    """A quartile of somebody's statistics as well as a sample."""
    run = read_exported(SAMPLE)[0]
    [timed, *_] = [m for m in run.measurements if m.samples]
    quartiles = msgspec.structs.replace(timed, samples=(), statistics=Statistics(us, 1.0, 2.0, 3))
    sampled = msgspec.structs.replace(timed, samples=(msgspec.structs.replace(timed.samples[0], value_us=us),))
    for one, what in ((quartiles, "quartile"), (sampled, "sample")):
        with pytest.raises(HarnessError, match=re.escape(f"a {what} of {us} us; allowed: finite and above 0")):
            refuse_unsound(msgspec.structs.replace(run, measurements=(one,)), "f")


@pytest.mark.parametrize(
    "window", [{"joules": -1.0}, {"seconds": 0.0}, {"units": 1e-320}, {"idle_w": float("nan")}, {"tick_s": -0.1}]
)
def test_energy_that_no_counter_gives_is_refused(window: dict[str, float]) -> None:
    run, _ = read_exported(SAMPLE)
    first = _with_energy(run.measurements[0])
    changed = (msgspec.structs.replace(first.energy[0], **window), *first.energy[1:])
    broken = msgspec.structs.replace(first, energy=changed)
    refuse_unsound(msgspec.structs.replace(run, measurements=(first,)), "here")
    with pytest.raises(HarnessError, match="a window of energy; allowed: joules, seconds and units above 0"):
        refuse_unsound(msgspec.structs.replace(run, measurements=(broken,)), "here")


@pytest.mark.parametrize("seed", range(2))
def test_a_value_that_nobody_writes_is_refused_or_shown(tmp_path: Path, seed: int) -> None:
    """In one line, with nothing stored; or in the terminal, the pages and JSON."""
    plain, rng = _small(tmp_path), random.Random(seed)
    places = [keys for keys in _keys(plain) if keys]
    shown = 0
    for number in range(MUTANTS // 2):
        mutant = copy.deepcopy(plain)
        *way, last = rng.choice(places)
        holder = mutant
        for key in way:
            holder = holder[key]
        holder[last] = rng.choice(ODD)
        file = tmp_path / "mutant.json"
        file.write_text(json.dumps(mutant))
        store = Store(str(tmp_path / f"{number}.sqlite"))
        try:
            run = store.load(store.add_run(read_exported(file)[0], f"u{number}"))
        except HarnessError as error:
            assert "\n" not in str(error)
            assert store.runs() == []
            continue
        finally:
            store.close()
        view = build(run)
        render(view), run_text(run), markdown.render(view)
        if shown % 8 == 0:
            write(run, tmp_path / "report", ("html", "md", "pr", "json"))
        shown += 1
    assert shown >= 5
