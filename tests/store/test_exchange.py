"""Runs as files: complete, to the last bit, and imported once."""

from __future__ import annotations

import gzip
import math
import re
import tracemalloc
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.store import Store, exchange, export_run, read_exported
from harness.values.case import Case, Implementation
from harness.values.measurement import Conditions, Correctness, Measurement, Sample, Status
from harness.values.profile import CategoryRow, KernelRow, Profile
from harness.values.run import Run
from tests.store.test_store import case, measured, run

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
FLOATS = st.floats(allow_nan=False)
COUNTS = st.integers(0, 2**60)


def tuples(of: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=most).map(tuple)


TUNABLES = st.dictionaries(WORDS, st.booleans() | st.integers(-9, 9) | st.floats(0.5, 9) | WORDS, max_size=3)
CASES = st.builds(
    Case,
    st.sampled_from(["kernel", "decode", "prefill"]),
    WORDS,
    WORDS,
    st.dictionaries(WORDS, st.integers(0, 9) | WORDS, max_size=3),
    op=st.none() | WORDS,
    dims=st.dictionaries(WORDS, COUNTS, max_size=3),
    answer=st.none() | st.builds(Implementation, WORDS, TUNABLES),
)
CORRECTNESS = st.builds(Correctness, st.booleans(), *[FLOATS] * 4, COUNTS, COUNTS)
SAMPLES = tuples(st.builds(Sample, st.floats(1e-3, 1e9), st.integers(0, 3), st.integers(0, 9)), 5)
NOT_OK = st.sampled_from([status for status in Status if status is not Status.OK])
MEASURED = st.builds(Measurement, CASES, st.just(Status.OK), correctness=CORRECTNESS, samples=SAMPLES) | st.builds(
    Measurement, CASES, NOT_OK, st.just("why"), CORRECTNESS
)
PROFILES = st.builds(
    Profile,
    WORDS,
    *[COUNTS] * 8,
    tuples(st.builds(CategoryRow, WORDS, COUNTS, COUNTS)),
    tuples(st.builds(KernelRow, WORDS, WORDS, COUNTS, COUNTS), 2),
)
RUNS = st.builds(
    Run,
    st.just("1"),
    st.datetimes().map(datetime.isoformat),
    WORDS.map(lambda word: word.replace("/", "")),
    *[WORDS] * 2,
    st.just("complete"),
    note=WORDS,
    planned=tuples(CASES, 2),
    measurements=tuples(MEASURED),
    conditions=tuples(st.builds(Conditions, st.integers(0, 3), st.integers(0, 9), power_w=st.none() | FLOATS)),
    profiles=tuples(PROFILES, 1),
    sources=st.dictionaries(WORDS, WORDS, max_size=2),
    streams=st.dictionaries(WORDS, st.lists(COUNTS, max_size=5), max_size=2),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RUNS, st.sampled_from(["run.json", "run.json.gz"]))
def test_an_exported_run_is_read_as_it_was(tmp_path_factory: pytest.TempPathFactory, before: Run, name: str) -> None:
    """Every field, every bit, infinite errors too."""
    path = tmp_path_factory.mktemp("export") / name
    export_run(before, "u", path)
    assert read_exported(path) == (before, "u")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate])
@given(RUNS)
def test_the_store_keeps_what_a_file_brings(tmp_path_factory: pytest.TempPathFactory, before: Run) -> None:
    """Measurements of one case are put together, so only runs with one per case come back as they were."""
    ids = [m.case.id for m in before.measurements]
    if len(set(ids)) < len(ids) or any(c.id in ids for c in before.planned):
        return
    store = Store(str(tmp_path_factory.mktemp("store") / "runs.sqlite"))
    after = store.load(store.add_run(before, "u"))
    assert {m.case.id: sorted(m.samples, key=repr) for m in after.measurements} == {
        m.case.id: sorted(m.samples, key=repr) for m in before.measurements
    }
    for field in ("note", "planned", "conditions", "profiles", "sources", "streams", "state"):
        assert getattr(after, field) == getattr(before, field)
    store.close()


def test_a_file_is_plain_json() -> None:
    """No word that other readers of JSON do not know."""
    marked = exchange._marked([math.inf, -math.inf, 1.5])
    assert marked == [{"$float": "inf"}, {"$float": "-inf"}, 1.5] and exchange._unmarked(marked) == [
        math.inf,
        -math.inf,
        1.5,
    ]
    assert math.isnan(exchange._unmarked(exchange._marked(math.nan)))


def test_an_exported_run_is_imported_once(tmp_path: Path) -> None:
    """By its uuid, on any machine, from either kind of file; a file is also a run by itself."""
    store = Store(str(tmp_path / "runs.sqlite"))
    run_id = store.begin(run())
    store.add_measurement(run_id, 0, measured())
    store.finish(run_id, "complete")
    for name in ("run.json", "run.json.gz"):
        export_run(*store.load_identified(run_id), tmp_path / name)
        elsewhere = Store(str(tmp_path / f"{name}.sqlite"))
        other, identity = read_exported(tmp_path / name)
        assert elsewhere.add_run(other, identity) == elsewhere.add_run(other, identity) == "1"
        assert elsewhere.load("last").measurements == store.load(run_id).measurements
        assert store.load(str(tmp_path / name)).measurements == store.load(run_id).measurements


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    """So that a sample under version control changes only with what it holds."""
    for name in ("a.json.gz", "b.json.gz"):
        export_run(run(measurements=(measured(),)), "u", tmp_path / name)
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


def test_an_import_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Half a run would never be completed: its uuid would be known."""
    store = Store(str(tmp_path / "runs.sqlite"))
    broken = run(state="complete", measurements=(measured(),), sources={"h": object()})
    with pytest.raises(TypeError):
        store.add_run(broken, "u")
    assert store.runs() == []
    assert store.add_run(run(state="complete"), "u") == "1"


def test_a_run_that_was_exported_while_it_went_on_is_partial_elsewhere(tmp_path: Path) -> None:
    """Nobody goes on with it there."""
    store = Store(str(tmp_path / "runs.sqlite"))
    assert store.load(store.add_run(run(state="running"), "u")).state == "partial"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\x1f\x8bbroken",
        b"[1, 2]",
        b'{"schema": 1}',
        b"\xff\xfe",
        b'{"run": {"$float": []}}',
        b"[" * 100_000,
    ],
    ids=["empty", "no keys", "gzip", "list", "no run", "bytes", "mark", "deep"],
)
def test_a_file_that_is_no_run_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=r"x.json: not an exported run: \S") as error:
        read_exported(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", ["NaN", '{"$float": "nan"}', '{"$float": "inf"}', "0", "-1.5"])
def test_a_sample_that_is_no_time_is_refused_with_its_case(tmp_path: Path, value: str) -> None:
    """It would be stored, and every table, chart and verdict would meet it."""
    path = tmp_path / "x.json"
    export_run(run(measurements=(measured(),)), "u", path)
    text = re.sub(r'"value_us": ?[0-9.e+-]+', f'"value_us": {value}', path.read_text(), count=1)
    path.write_text(text)
    with pytest.raises(HarnessError, match=r"allowed: finite and above 0"):
        read_exported(path)


def test_a_few_kilobytes_that_unpack_to_gigabytes_are_refused(tmp_path: Path) -> None:
    """Before they fill the memory."""
    path = tmp_path / "x.json.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(exchange.LARGEST_BYTES // 2**20 + 1):
            file.write(b" " * 2**20)
    tracemalloc.start()
    with pytest.raises(HarnessError, match="more than 256 MiB; allowed: up to that"):
        read_exported(path)
    assert tracemalloc.get_traced_memory()[1] < 3 * exchange.LARGEST_BYTES
    tracemalloc.stop()


def test_a_whole_number_beyond_64_bits_is_refused(tmp_path: Path) -> None:
    """JSON has it, no table has."""
    path = tmp_path / "x.json"
    export_run(run(planned=(case(),)), "u", path)
    path.write_text(path.read_text().replace('"tokens": 1', f'"tokens": {2**80}'))
    with pytest.raises(HarnessError, match=r"x.json: not an exported run: \S"):
        read_exported(path)


def test_a_state_that_no_run_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    export_run(run(state="<b>evil"), "u", path)
    with pytest.raises(HarnessError, match="state '<b>evil'; allowed: running, partial, complete"):
        read_exported(path)


def test_a_file_of_a_later_schema_says_so(tmp_path: Path) -> None:
    """Though nothing else in it is known."""
    path = tmp_path / "x.json"
    path.write_text('{"schema": 99, "uuid": "u", "run": {"new": true}}')
    with pytest.raises(HarnessError, match="schema 99, this program reads up to 1; use a newer harness"):
        read_exported(path)


def test_a_file_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="cannot be written"):
        export_run(run(planned=(case(),)), "u", tmp_path / "file" / "run.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(HarnessError, match="cannot be written"):
        export_run(run(), "u", tmp_path / "folder.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.json"]
