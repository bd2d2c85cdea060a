"""Our own decode on an H100 under each engine: the same categories, ops and layers, whatever launches the kernels.

The traces are those of `reports/samples/record.sh FOLDER 1 traces`: two steps of the tiny model with the large one's
kernels.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from harness.engines import ENGINES
from harness.trace import breakdown, load_rules
from harness.values.profile import Profile

FOLDER = Path(__file__).resolve().parents[1] / "data" / "traces"
STEPS = 2
FILES = sorted(FOLDER.glob("*.json.gz"))
MOST_BYTES = 300_000
NOT_RECORDED = {"aot_inductor", "aot_inductor_calls", "executorch"}
"""Engines of which no trace was recorded on a GPU yet; LIMITS says so. ExecuTorch's runtime has no GPU."""
RECORDED = [name for name in ENGINES if name not in NOT_RECORDED]
NOT_FUSED = ("gate_up_kernel", "down_kernel", "recurrent_kernel", "tinygemm")
"""Of kernels that torch.compile calls as they are."""


def engine_of(path: Path) -> str:
    return next((name for name in ENGINES if path.name.endswith(f"-{name}.json.gz")), "eager")


def of(engine: str) -> Profile:
    (path,) = [path for path in FILES if engine_of(path) == engine]
    return breakdown(path, load_rules(), steps=STEPS)


def calls(profile: Profile) -> dict[str, int]:
    return {row.name: row.calls for row in profile.categories}


def test_there_is_one_trace_of_each_engine() -> None:
    """None was forgotten, but for those that say so."""
    assert sorted(map(engine_of, FILES)) == sorted(RECORDED)


@pytest.mark.parametrize("path", FILES, ids=engine_of)
def test_a_trace_is_small_and_says_nothing_of_where_it_was_recorded(path: Path) -> None:
    """No host, no path."""
    text = gzip.decompress(path.read_bytes()).decode()
    assert path.stat().st_size <= MOST_BYTES
    assert '"host_name": ""' in text or "host_name" not in text
    assert not any(part in text for part in ("/tmp/", "/home/", "/root/"))


@pytest.mark.parametrize("path", FILES, ids=engine_of)
def test_sums_are_those_of_an_independent_count(path: Path) -> None:
    """By json and plain addition, in nanoseconds; every table adds up to it."""
    rows = [row for row in json.loads(gzip.decompress(path.read_bytes()))["traceEvents"] if row.get("ph") == "X"]
    found = breakdown(path, load_rules(), steps=STEPS)
    kernels = [row for row in rows if row["cat"] == "kernel"]
    gpu = [row for row in rows if row["cat"] in ("kernel", "gpu_memcpy", "gpu_memset")]
    assert found.kernel_count == len(kernels) and found.kernel_sum_ns == sum(round(r["dur"] * 1000) for r in kernels)
    assert found.gpu_sum_ns == sum(round(row["dur"] * 1000) for row in gpu)
    for table in (found.categories, found.kernels, found.ops, found.scopes, found.streams, found.launches):
        assert sum(row.total_ns for row in table) == found.gpu_sum_ns


@pytest.mark.parametrize("engine", RECORDED)
def test_nothing_is_without_a_category_and_nothing_was_lost(engine: str) -> None:
    """At most 0.5 % of the time, and no launch without its kernels."""
    found = of(engine)
    assert found.uncategorised_ns <= 0.005 * found.gpu_sum_ns
    assert found.attributed_ns >= 0.99 * found.launched_ns and found.contradictions == ()
    assert not {"launches_without_gpu_rows", "gpu_rows_without_launch", "damaged_capture"} & set(found.data_quality)


def test_a_graph_has_the_categories_sites_and_layers_of_the_eager_step() -> None:
    """Call by call: every kernel of a replay went back to where it was captured."""
    eager, graph = of("eager"), of("cuda_graph")
    assert graph.mapped_ns == graph.replayed_ns == graph.gpu_sum_ns
    assert calls(graph) == calls(eager)
    for table in ("layers", "scopes", "ops"):
        ours, theirs = ({row.name: row.calls for row in getattr(p, table)} for p in (graph, eager))
        assert ours == theirs, table
    assert {(row.name, row.scope): row.calls for row in graph.kernels} == {
        (row.name, row.scope): row.calls for row in eager.kernels
    }
    assert [row.launches for row in graph.launches if "GraphLaunch" in row.name] == [STEPS]


def test_a_compiled_step_calls_the_same_kernels_where_it_fuses_nothing() -> None:
    """Kernels that torch.compile calls as they are: as often, at the same sites. What it fused is a category of its
    own, the sum behind the second expert product included."""
    eager, compiled = of("eager"), of("torch_compile")
    ours = {(row.name, row.scope): row.calls for row in compiled.kernels}
    kept = {(row.name, row.scope): row.calls for row in eager.kernels if any(n in row.name for n in NOT_FUSED)}
    assert {name for name, _ in kept} >= {"gate_up_kernel", "down_kernel", "recurrent_kernel"}
    assert {key: ours.get(key) for key in kept} == kept
    assert calls(compiled)["Triton fused ops"] > 0 and compiled.mapped_ns > 0
