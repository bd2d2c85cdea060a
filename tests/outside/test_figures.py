"""Figures are found in what programs print and write, or it is said why not."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CaseFailed
from harness.outside.figures import figure_in, read_figure
from harness.values.outside import Figure

GOOGLE = {
    "context": {"host_name": "h"},
    "benchmarks": [
        {"name": "BM_a/8", "run_name": "BM_a/8", "run_type": "iteration", "real_time": 12.5, "time_unit": "ns"},
        {"name": "BM_a/8", "run_name": "BM_a/8", "run_type": "iteration", "real_time": 13.5, "time_unit": "ns"},
        {"name": "BM_a/8_mean", "run_name": "BM_a/8", "run_type": "aggregate", "real_time": 13, "time_unit": "ns"},
        {"name": "BM_b", "run_type": "iteration", "real_time": 2, "time_unit": "ms"},
        {"name": "BM_c", "run_type": "iteration", "error_occurred": True, "error_message": "no memory"},
    ],
}
PYTEST = {
    "benchmarks": [
        {"fullname": "test_a.py::test_a", "stats": {"median": 0.002, "data": [0.002, 0.003]}},
        {"fullname": "test_a.py::test_b", "stats": {"median": 0.004}},
    ]
}
NVBENCH = {
    "benchmarks": [
        {
            "name": "copy",
            "states": [
                {
                    "name": "Device=0 N=2^20", "is_skipped": False,
                    "summaries": [
                        {"tag": "nv/cold/time/gpu/mean", "data": [{"name": "value", "value": "1.25e-05"}]},
                        {"tag": "nv/cold/sample_size", "data": [{"name": "value", "value": "100"}]},
                    ],
                },
                {"name": "Device=0 N=2^30", "is_skipped": True, "skip_reason": "too large", "summaries": None},
            ],
        }
    ]
}  # fmt: skip
HYPERFINE = {"results": [{"command": "sleep 0.1", "mean": 0.105, "times": [0.1, 0.11]}]}
LLAMA = [
    {"n_prompt": 512, "n_gen": 0, "samples_ns": [512_000_000, 1_024_000_000], "avg_ts": 1.0},
    {"n_prompt": 0, "n_gen": 128, "n_depth": 4096, "samples_ns": [128_000_000], "avg_ts": 1.0},
]
"""The keys that are read, as the programs' own documentation shows them."""


@pytest.mark.parametrize(
    ("read", "at", "document", "us"),
    [
        ("google_benchmark", "BM_a/8", GOOGLE, [0.0125, 0.0135]),
        ("google_benchmark", "BM_b", GOOGLE, [2000]),
        ("pytest_benchmark", "test_a.py::test_a", PYTEST, [2000, 3000]),
        ("pytest_benchmark", "test_a.py::test_b", PYTEST, [4000]),
        ("nvbench", "copy/Device=0 N=2^20", NVBENCH, [12.5]),
        ("hyperfine", "", HYPERFINE, [100_000, 110_000]),
        ("llama_bench", "pp512", LLAMA, [1000, 2000]),
        ("llama_bench", "tg128 @ d4096", LLAMA, [1000]),
    ],
)
def test_benchmarks_are_read_in_microseconds(read: str, at: str, document: object, us: list[float]) -> None:
    """Every repetition that a file has; a file with one benchmark needs no name."""
    figure = msgspec.convert({"read": read, "at": at}, Figure)
    found = [figure.sample(number) for number in figure_in(figure, json.dumps(document))]
    assert found == pytest.approx(us)


@pytest.mark.parametrize(
    ("read", "at", "text", "words"),
    [
        (
            "google_benchmark",
            "BM_d",
            json.dumps(GOOGLE),
            "no benchmark BM_d; allowed: BM_a/8, BM_b, BM_c; did you mean",
        ),
        ("google_benchmark", "", json.dumps(GOOGLE), "3 benchmarks, and `at` names none; allowed: BM_a/8, BM_b, BM_c"),
        ("google_benchmark", "BM_c", json.dumps(GOOGLE), "BM_c: it says: no memory"),
        ("nvbench", "copy/Device=0 N=2^30", json.dumps(NVBENCH), "skipped: too large"),
        ("hyperfine", "", json.dumps(GOOGLE), "is no output of hyperfine"),
        ("llama_bench", "", "{}", "is no output of llama_bench"),
        ("pytest_benchmark", "", "[1, 2]", "is no output of pytest_benchmark"),
        ("hyperfine", "", "", "is no JSON"),
        ("json", "a.b", '{"a": {"c": 1}}', "no key b at a; allowed: c"),
        ("json", "a[3]", '{"a": [1]}', "no place [3] at a"),
        ("json", "a.b", '{"a": 1}', "no key b at a, which is no object"),
        ("json", "a", '{"a": "fast"}', "'fast' is no number"),
        ("json", "a", '{"a": true}', "'True' is no number"),
        ("json", "a", '{"a": []}', "an empty list"),
        ("json", "a", "Segmentation fault", "is no JSON"),
        ("json", "a", "[" * 100_000, "is no JSON"),
        ("json", "a", "[1] loading", "is no JSON"),
        ("google_benchmark", "", '{"benchmarks": []}', "there is no benchmark in it"),
        ("regex", "x=(.*)", "y=1\nlast", "nothing matches 'x=(.*)'; it ends with: last"),
        ("regex", "x=(.*)", "x=fast", "'fast' is no number"),
    ],
)
def test_what_has_no_figure_says_why(read: str, at: str, text: str, words: str) -> None:
    """And names what is there."""
    with pytest.raises(CaseFailed) as raised:
        figure_in(msgspec.convert({"read": read, "at": at}, Figure), text)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("number", "unit"),
    [
        ("NaN", "ms"),
        ("Infinity", "ms"),
        ("1e400", "ms"),
        ("1" * 400, "ms"),
        ("1e308", "min"),
        ("5e-324", "tok/s"),
        ("-3", "ms"),
    ],
)
def test_what_is_out_of_range_is_no_figure(number: str, unit: str, tmp_path: Path) -> None:
    """Neither as the program wrote it nor in microseconds; what stands beside it can be read."""
    (tmp_path / "out.json").write_text(f'\ufeff{{"x": {number}, "y": 3}}')
    x, y = (read_figure(Figure("json", key, unit, "out.json"), cast("Any", None), tmp_path) for key in "xy")
    assert isinstance(x, str) and x.endswith("is no figure; wanted a finite number above 0")
    assert y == [Figure("json", "y", unit).sample(3)]


def test_values_without_end_are_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that prints the same line for ever: millions of samples would fill the store."""
    monkeypatch.setattr("harness.outside.figures.MOST_VALUES", 3)
    (tmp_path / "out").write_text("x 1\n" * 4)
    found = read_figure(Figure("regex", r"x (\d)", "ms", "out"), cast("Any", None), tmp_path)
    assert found == "4 values in one process; at most 3 are kept"


def test_a_file_of_aggregates_alone_gives_their_median() -> None:
    """Google Benchmark's `--benchmark_report_aggregates_only`."""
    rows = [
        {
            "name": f"BM_{kind}",
            "run_name": "BM",
            "run_type": "aggregate",
            "aggregate_name": kind,
            "real_time": us,
            "time_unit": "us",
        }
        for kind, us in (("mean", 5.0), ("median", 4.0), ("stddev", 1.0))
    ]
    assert figure_in(Figure("google_benchmark"), json.dumps({"benchmarks": rows})) == [4.0]


def test_every_match_is_a_sample() -> None:
    """Thousands may be separated by commas."""
    figure = Figure("regex", r"^step: ([\d.,]+) us", "us")
    assert figure_in(figure, "step: 1,250.5 us\nno step\nstep: 7 us\n") == [1250.5, 7]


def test_json_is_found_behind_other_lines() -> None:
    """Programs print it last; several lines of it are a list."""
    figure = Figure("json", "ms", "ms")
    assert figure_in(figure, 'loading\n{"ms": 3}\n') == [3]
    several = json.dumps({"at": [{"ms": 5}]}, indent=1)
    assert figure_in(Figure("json", "at[0].ms", "ms"), f"[1/2] loading\n[2]: {{}}\n{several}\ndone\n") == [5]
    assert figure_in(Figure("json", "[-1].ms", "ms"), '{"ms": 3}\n{"ms": 4}\n') == [4]


@given(st.floats(1e-6, 1e9), st.sampled_from(["ns", "us", "ms", "s", "min"]))
def test_a_rate_and_its_time_are_one_figure(number: float, unit: str) -> None:
    """`x tok/s` and `1/x s` are the same sample; times keep their order, rates turn it round."""
    rate, time = Figure("json", "a", f"tok/{unit}"), Figure("json", "a", unit)
    assert math.isclose(rate.sample(number), time.sample(1 / number), rel_tol=1e-12)
    assert rate.sample(number) > rate.sample(number * 1.01) and time.sample(number) < time.sample(number * 1.01)
    assert rate.sample_unit == "us/tok" and time.sample_unit == "us"


@pytest.mark.parametrize(("unit", "shown"), [("MiB", "MiB"), ("GB/s", "us/GB"), ("", ""), ("W/h", "W/h")])
def test_units_of_no_time_stay(unit: str, shown: str) -> None:
    """Only what is per time is a rate."""
    assert Figure("json", "a", unit).sample_unit == shown
    assert unit == "GB/s" or Figure("json", "a", unit).sample(3.0) == 3.0


@given(
    st.recursive(
        st.integers(1, 9),
        lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.sampled_from("abc"), inner, min_size=1),
    ),
    st.data(),
)
def test_a_path_leads_to_every_number(document: object, data: st.DataObject) -> None:
    """Whatever the document: keys and places from its root to one of its leaves."""
    path, value = "", document
    while isinstance(value, list | dict):
        if isinstance(value, dict):
            key = data.draw(st.sampled_from(sorted(value)))
            path, value = f"{path}.{key}".lstrip("."), value[key]
        else:
            place = data.draw(st.integers(-len(value), len(value) - 1))
            path, value = f"{path}[{place}]", value[place]
    assert figure_in(Figure("json", path, "us"), json.dumps(document)) == [value]
