"""Kernels of any graph replay go back to the ops, modules and layers of the same program run op by op."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.trace import breakdown, load_rules, recorded_ops
from harness.values.profile import Profile
from tests.conftest import REPOSITORY
from tests.trace.made import Row, gpu, host, write

RULES = load_rules()
RECORDED = REPOSITORY / "tests" / "data" / "traces"
REPLAYS = REPOSITORY / "tests" / "data" / "replays"
LLAMA = REPLAYS / "hf_llama-eager.json.gz", REPLAYS / "hf_llama-cuda_graph.json.gz"
"""A Llama of 4 layers with random weights and a static cache (Hugging Face, torch 2.11, H200): a step op by op with
stacks, of which the rows of modules are kept, and three replays of it as a graph."""


def eager(names: list[str], steps: int = 2) -> list[Row]:
    rows = []
    for n, name in enumerate(names * steps):
        rows += [
            host("user_annotation", f"scope {n % len(names)}", 100 * n, 40),
            host("cpu_op", f"aten::{name}", 100 * n + 1, 30),
            host("cuda_runtime", "cudaLaunchKernel", 100 * n + 2, 5, correlation=n),
            gpu(100 * n + 50, 10, name, n),
        ]
    return rows


def replayed(names: list[str], replays: int = 2, start: int = 1_000_000) -> list[Row]:
    rows = []
    for replay in range(replays):
        at, correlation = start + 100_000 * replay, 9_000 + replay
        rows.append(host("cuda_runtime", "cudaGraphLaunch", at, 5, correlation=correlation))
        rows += [gpu(at + 10 + 12 * n, 10, name, correlation) for n, name in enumerate(names)]
    return rows


def of(folder: Path, reference: list[Row], rows: list[Row]) -> Profile:
    known = recorded_ops(write(folder / "eager.json", reference))
    return breakdown(write(folder / "graph.json", rows), RULES, captured_by=known)


NAMES = [f"k{'abcdefgh'[n % 8]}{'x' * (n % 5)}" for n in range(40)]


def test_a_replay_of_a_hugging_face_model_is_mapped_to_ops_modules_and_layers() -> None:
    """At least 99 % of its kernel time; each layer has the kernels of its eager step."""
    known, eager_step = recorded_ops(LLAMA[0]), breakdown(LLAMA[0], RULES)
    found = breakdown(LLAMA[1], RULES, captured_by=known)
    assert found.replayed_ns == found.gpu_sum_ns and found.mapped_ns >= 0.99 * found.replayed_ns
    for table in ("ops", "scopes", "layers"):
        calls = {row.name: 3 * row.calls for row in getattr(eager_step, table)}
        assert {row.name: row.calls for row in getattr(found, table)} == calls
    assert [row.name for row in found.layers] == ["0", "1", "2", "3", "-"]
    assert {"LlamaMLP.Linear[2]", "LlamaAttention.Linear", "LlamaRMSNorm[1]"} <= {row.name for row in found.scopes}


def test_a_replay_of_our_own_decode_is_mapped_without_what_it_says_of_itself(tmp_path: Path) -> None:
    """The same layers, sites and ops as by the step that its head keeps."""
    trace = RECORDED / "tiny_gpu-tiny-cuda_graph.json.gz"
    document = json.loads(gzip.decompress(trace.read_bytes()))
    document.pop("harness_capture")
    foreign = tmp_path / "foreign.json"
    foreign.write_text(json.dumps(document))
    known = recorded_ops(RECORDED / "tiny_gpu-tiny.json.gz")
    found, ours = breakdown(foreign, RULES, captured_by=known), breakdown(trace, RULES)
    assert found.mapped_ns >= 0.99 * found.replayed_ns > 0
    assert found.layers == ours.layers and found.scopes == ours.scopes and found.categories == ours.categories


def test_eager_steps_of_the_same_file_are_what_replays_are_laid_beside(tmp_path: Path) -> None:
    """Without another trace; where the file has another program's steps alone, nothing is said."""
    both = breakdown(write(tmp_path / "both.json", eager(NAMES) + replayed(NAMES)), RULES)
    assert both.mapped_ns == both.replayed_ns == 2 * len(NAMES) * 10_000
    other = eager([name.upper() for name in NAMES])
    found = breakdown(write(tmp_path / "other.json", other + replayed(NAMES)), RULES)
    assert (found.replayed_ns, found.mapped_ns) == (0, 0) and "replayed_rows_not_mapped" not in found.data_quality


def test_what_does_not_agree_is_listed_and_not_guessed(tmp_path: Path) -> None:
    """A fused kernel in the middle of a replay; those around it are mapped in their order."""
    names = [*NAMES[:10], "fused", *NAMES[13:]]
    found = of(tmp_path, eager(NAMES), replayed(names, 1))
    assert found.mapped_ns == 10_000 * (len(names) - 1) and found.data_quality["replayed_rows_not_mapped"] == 1
    assert [(row.name, row.calls, row.total_ns) for row in found.not_mapped] == [("fused", 1, 10_000)]
    scopes = {row.name: row.calls for row in found.scopes}
    assert {f"scope {n}" for n in range(10)} <= scopes.keys() and "scope 11" not in scopes and scopes["scope 39"] == 1


def test_a_kernel_that_differs_in_numbers_alone_stands_in_its_place(tmp_path: Path) -> None:
    """Another tile of the same library; between the same neighbours."""
    names = [*NAMES]
    reference = [*NAMES]
    reference[20], names[20] = "nvjet_tst_64x8_v", "nvjet_tst_128x16_v"
    found = of(tmp_path, eager(reference), replayed(names, 1))
    assert found.mapped_ns == found.replayed_ns


def test_another_program_is_not_mapped(tmp_path: Path) -> None:
    """Less than half agrees: none of it is."""
    found = of(tmp_path, eager(NAMES), replayed(["other"] * 30 + NAMES[:8], 1))
    assert found.mapped_ns == 0 and found.data_quality["replayed_rows_not_mapped"] == 38


def test_a_reference_without_ops_is_one_line(tmp_path: Path) -> None:
    """A replay cannot say what another one is."""
    with pytest.raises(HarnessError, match="no GPU row in it was launched on its own"):
        recorded_ops(write(tmp_path / "t.json", replayed(NAMES)))


def test_nodes_that_torch_annotated_say_what_they_are(tmp_path: Path) -> None:
    """As `torch.cuda._annotate_cuda_graph_trace` writes it; without a node number it is some other annotation."""
    rows = replayed(NAMES, 1)
    rows[1]["args"] |= {"graph node id": 12, "annotation": "layer 3 attention"}
    rows[2]["args"] |= {"graph node id": 0, "annotation": "no node"}
    found = breakdown(write(tmp_path / "t.json", rows), RULES)
    assert [(row.name, row.total_ns) for row in found.scopes if row.name] == [("layer 3 attention", 10_000)]
