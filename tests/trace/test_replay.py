"""A replayed step goes back to the ops and layers that were captured, by order and name; what does not agree is not
guessed."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.trace import breakdown, captured_step, load_rules
from harness.trace.replay import STEP, Capture, aligned
from harness.values.profile import Profile
from tests.trace.made import Row, gpu, host, text

RULES = load_rules()
LAYER = [("rms", "rms_norm@ln"), ("nvjet_a", "linear@router"), ("topk", "router@main"),
         ("gate_up_kernel", "moe_gate_up@experts"),
         ("nvjet_a", "linear@shared_gate"), ("add", "residual_add@moe")]  # fmt: skip
CALLS = [(name, f"harness:{site}#{layer}") for layer in range(3) for name, site in LAYER]
"""One step of three layers: the same kernel serves two sites."""


def eager(steps: int = 2, names: list[tuple[str, str]] = CALLS) -> list[Row]:
    """Each kernel is launched by an op inside its own scope."""
    rows, correlation = [], 0
    for step in range(steps):
        begin = 10_000 * step
        rows.append(host("user_annotation", STEP, begin, 9_000))
        for at, (name, scope) in enumerate(names):
            correlation += 1
            launch = begin + 10 + 20 * at
            rows.append(host("user_annotation", scope, launch - 5, 15))
            rows.append(host("cpu_op", f"aten::{name}", launch - 3, 10))
            rows.append(host("cuda_runtime", "cudaLaunchKernel", launch, 2, correlation=correlation))
            rows.append(gpu(begin + 1000 + 20 * at, 2.125 + at, name, correlation))
    return rows


def replay(names: list[str], steps: int = 2, streams: dict[int, int] | None = None) -> list[Row]:
    """One graph launch a step owns all of its kernels; those of a stream of their own by their place."""
    rows = []
    for step in range(steps):
        begin = 10_000 * step
        rows += [
            host("user_annotation", STEP, begin, 50),
            host("cuda_runtime", "cudaGraphLaunch", begin + 5, 10, correlation=step + 1),
        ]
        for at, name in enumerate(names):
            row = gpu(begin + 100 + 20 * at, 2.125 + at % 18, name, step + 1, stream=(streams or {}).get(at, 7))
            rows.append({**row, "cat": "gpu_memset"} if name.startswith("Memset") else row)
    return rows


def read(folder: Path, replayed: list[Row], captured: list[Row] | None = None) -> Profile:
    """The breakdown of a replay whose trace begins with what the eager step was made of."""
    path = folder / "eager.json"
    path.write_text(text(captured or eager()))
    head = captured_step(path).head()
    path = folder / "replay.json.gz"
    path.write_bytes(gzip.compress(head + text(replayed).encode().removeprefix(b"{")))
    return breakdown(path, RULES, steps=2)


def test_a_replay_has_the_ops_sites_layers_and_categories_of_the_eager_step(tmp_path: Path) -> None:
    """Two sites that share a kernel are told apart; every kernel is mapped."""
    found = read(tmp_path, replay([name for name, _ in CALLS]))
    (tmp_path / "e.json").write_text(text(eager()))
    wanted = breakdown(tmp_path / "e.json", RULES, steps=2)
    for table in ("categories", "layers", "ops"):
        assert {(r.name, r.calls, r.total_ns) for r in getattr(found, table)} == {
            (r.name, r.calls, r.total_ns) for r in getattr(wanted, table)
        }
    assert {(r.name, r.scope, r.category, r.calls) for r in found.kernels} == {
        (r.name, r.scope, r.category, r.calls) for r in wanted.kernels
    }
    assert found.mapped_ns == found.replayed_ns == found.gpu_sum_ns == found.attributed_ns
    assert not found.data_quality and {row.name for row in found.launches} == {"cudaGraphLaunch"}


def test_a_kernel_that_inductor_numbered_is_the_captured_one(tmp_path: Path) -> None:
    """The same Triton kernel inside a compiled step, where fused kernels stand for the others."""
    names = [f"{name}_0" if name == "gate_up_kernel" else name for name, _ in CALLS if name not in ("rms", "add")]
    found = read(tmp_path, replay(["triton_red_fused_0", *names, "triton_poi_fused_add_1"]))
    assert {row.scope for row in found.kernels if row.name == "gate_up_kernel_0"} == {"moe_gate_up@experts"}
    assert {row.category for row in found.kernels if not row.scope} == {"Triton fused ops"}
    assert found.data_quality == {"replayed_rows_not_mapped": 2 * 2}


def test_without_a_capture_a_graph_launch_owns_all(tmp_path: Path) -> None:
    """As a graph of any other program does."""
    path = tmp_path / "t.json"
    path.write_text(text(replay([name for name, _ in CALLS])))
    found = breakdown(path, RULES)
    assert found.replayed_ns == 0 and [row.name for row in found.scopes] == [STEP] and found.layers == ()


def test_what_only_the_replay_has_is_not_mapped_and_counted(tmp_path: Path) -> None:
    """A memset that capturing added, and a kernel for which another was chosen: the rest keeps its place."""
    names = [name for name, _ in CALLS]
    names[2] = "another_topk"
    names.insert(4, "Memset (Device)")
    found = read(tmp_path, replay(names))
    by_name = {row.name: row for row in found.kernels if not row.scope}
    assert set(by_name) == {"another_topk", "Memset (Device)", "topk"}, "a name of other calls is no name to go by"
    assert found.data_quality["replayed_rows_not_mapped"] == 2 * 4
    assert {row.scope for row in found.kernels if row.name == "nvjet_a"} == {"linear@router", "linear@shared_gate"}
    assert found.mapped_ns == found.replayed_ns - sum(row.total_ns for row in by_name.values())


def test_branches_on_other_streams_are_mapped_while_their_order_is_the_captured_one(tmp_path: Path) -> None:
    """Where it is not, the rarer of two names that meet is given up, and nothing else."""
    names = [name for name, _ in CALLS]
    assert read(tmp_path, replay(names, streams={3: 9, 9: 9})).data_quality == {}
    names[2], names[3] = names[3], names[2]
    names[14], names[15] = names[15], names[14]
    found = read(tmp_path, replay(names, streams={3: 9, 15: 9}))
    assert found.data_quality == {"replayed_rows_not_mapped": 2 * 6}
    assert {row.name for row in found.kernels if not row.scope} == {"topk", "gate_up_kernel"}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_file_is_irrelevant(tmp_path: Path, chance: random.Random) -> None:
    """Of the captured trace and of the replay; rows may start together."""
    captured, replayed = eager(), replay([name for name, _ in CALLS])
    replayed = [{**row, "ts": row["ts"] // 40 * 40} if row["cat"] == "kernel" else row for row in replayed]
    wanted = read(tmp_path, replayed, captured)
    chance.shuffle(captured)
    chance.shuffle(replayed)
    assert read(tmp_path, replayed, captured) == wanted


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_whatever_is_laid_beside_agrees_in_name_number_and_order(ours: list[str], theirs: list[str]) -> None:
    """All calls of a name or none; and the same sequence is mapped as a whole."""
    pairs = aligned(ours, theirs)
    assert all(ours[i] == theirs[j] for j, i in pairs.items())
    assert sorted(pairs.values()) == [pairs[j] for j in sorted(pairs)]
    for name in {theirs[j] for j in pairs}:
        assert sum(theirs[j] == name for j in pairs) == ours.count(name) == theirs.count(name)
    assert aligned(ours, ours) == {i: i for i in range(len(ours))}


@pytest.mark.parametrize(
    "head",
    ['{"harness_capture": 3', '{"harness_capture": {"texts": ["a"], "rows": [[0, 1, 0]]}', '{"harness_capture": {'],
)
def test_a_damaged_capture_is_counted_and_costs_nothing_else(tmp_path: Path, head: str) -> None:
    """The rows of the trace are read as if there were none."""
    rows = text(replay(["k"]))
    path = tmp_path / "t.json"
    path.write_text(head + ", " + rows.removeprefix("{"))
    found = breakdown(path, RULES)
    assert found.data_quality["damaged_capture"] == 1 and found.gpu_sum_ns == 4250


def test_a_trace_without_steps_captures_nothing(tmp_path: Path) -> None:
    """And an index beyond the texts is no capture."""
    path = tmp_path / "t.json"
    path.write_text(text([gpu(0, 1)]))
    assert captured_step(path) == Capture((), ())
    with pytest.raises(ValueError, match="beyond"):
        Capture(("a",), ((0, 0, 1),))
