"""What the plan learns of the model without torch: its ops, how often each runs, and how large it is."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from harness import kernels_root
from harness.decode.arm_ops import ReferenceOps
from harness.load_kernels import load_spec
from harness.plan.calls import dims_in_pass
from harness_kernels.models.qwen3_5_moe import layout, model, weights
from harness_kernels.operands import evaluate
from tests.models.planted import Wrapped

ROOT = Path(__file__).resolve().parents[2]
LARGE: dict[str, Any] = yaml.safe_load((ROOT / "suites" / "models.yaml").read_text())["qwen3_5_35b_a3b"]
SMALL = {
    **LARGE, "vocab_size": 96, "hidden_size": 64, "num_attention_heads": 4, "head_dim": 32, "linear_num_key_heads": 2,
    "linear_num_value_heads": 4, "linear_key_head_dim": 16, "linear_value_head_dim": 24, "num_experts": 8,
    "num_experts_per_tok": 3, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 48,
    "num_hidden_layers": 5,
}  # fmt: skip
DENSE = ("router", "shared_gate")


class RecordingOps:
    """ReferenceOps that note, by op and site, the number of calls and the shape of every input of the first."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.shapes: dict[tuple[str, str], list[tuple[int, ...]]] = {}

    def bind(self, op: str, site: str, layer: int | None, bound: Mapping[str, Any]) -> Any:
        right = ReferenceOps().bind(op, site, layer, bound)

        def call(phase: str, *inputs: Any) -> Any:
            rest = iter(inputs)
            values = [bound[i.name] if i.name in bound else next(rest) for i in load_spec(op).op.inputs]
            self.calls[op, site] += 1
            shapes = [tuple(value.shape) if isinstance(value, torch.Tensor) else () for value in values]
            self.shapes.setdefault((op, site), shapes)
            return right(phase, *inputs)

        return Wrapped(call, right.covers)


@pytest.mark.parametrize("dense", [DENSE, ("gdn_in", "lm_head")])
def test_uses_are_what_the_model_does(dense: tuple[str, ...]) -> None:
    """One decode step calls the ops at the sites and as often as `uses` says, with the shapes that its dims give."""
    common: dict[str, Any] = {"group": 16, "dtype": torch.float32, "device": "cpu"}
    raw = weights.random_weights(SMALL, dense=dense, seed=0, **common)
    ops = RecordingOps()
    decoder = model.build(SMALL, raw, ops, batch=1, capacity=layout.CACHE_BLOCK, **common)
    decoder.sample(decoder.decode(torch.tensor([3]), torch.tensor([0])))
    uses = layout.uses(SMALL, 16, dense)
    assert {(use.op, use.site): use.calls for use in uses} == ops.calls
    for use in uses:
        assert ops.shapes[use.op, use.site] == declared(use.op, use.dims), (use.op, use.site)


def declared(op: str, dims: Mapping[str, int]) -> list[tuple[int, ...]]:
    """The shapes of an op's inputs at these sizes."""
    return [tuple(evaluate(size, dims) for size in i.shape) for i in load_spec(op).op.inputs]


def test_a_prefill_calls_what_its_sizes_say() -> None:
    """Every op takes each token of the prompt, the last norm and the head only one of each sequence."""
    common: dict[str, Any] = {"group": 16, "dtype": torch.float32, "device": "cpu"}
    raw = weights.random_weights(SMALL, dense=DENSE, seed=0, **common)
    ops = RecordingOps()
    model.build(SMALL, raw, ops, batch=2, capacity=layout.CACHE_BLOCK, **common).prefill(torch.ones(2, 7).long())
    uses = [use for use in layout.uses(SMALL, 16, DENSE) if use.op != "greedy"]
    assert {(use.op, use.site) for use in uses} == set(ops.shapes)
    assert {use.op_site for use in uses if use.last} == {"rms_norm@final", "int4_mm@lm_head"}
    for use in uses:
        assert ops.shapes[use.op, use.site] == declared(use.op, dims_in_pass(use, "prefill", 2, 7)), use.op_site


def test_every_use_can_be_made_and_costed() -> None:
    """The dims of a use are all that its op's cost asks for; constants of the op are among them or are numbers."""
    for use in layout.uses(LARGE, 128, DENSE):
        spec = load_spec(use.op)
        assert spec.cost(use.dims).bytes > 0
        for i in spec.op.inputs:
            assert not isinstance(i.value, str) or i.value in use.dims, (use.op, i.name)


def test_the_published_shapes() -> None:
    """Matrices of Qwen3.5-35B-A3B, and 241 products with a dense or packed matrix a token."""
    assert layout.linears(LARGE) == {
        "gdn_in": (12352, 2048), "gdn_out": (2048, 4096), "attn_qkv": (9216, 2048), "attn_out": (2048, 4096),
        "router": (256, 2048), "shared_gate_up": (1024, 2048), "shared_down": (2048, 512), "shared_gate": (1, 2048),
        "lm_head": (248320, 2048),
    }  # fmt: skip
    uses = layout.uses(LARGE, 128, DENSE)
    assert sum(use.calls for use in uses if use.op in ("linear", "int4_mm")) == 241
    assert {use.site for use in uses if use.op == "linear"} == set(DENSE)
    assert sum(use.calls for use in uses if use.op == "gated_delta_rule") == 30


def test_weights_read_per_token() -> None:
    """One token reads 1,519 MB of weights once where all of them are int4 with group 128: 4.125 bits each."""
    packed = sum(
        use.calls * use.dims.get("top_k", 1) * (use.dims["n"] * use.dims["k"] if use.op == "int4_mm"
        else (2 if use.op == "moe_gate_up" else 1) * use.dims["inter"] * use.dims["hidden"])
        for use in layout.uses(LARGE, 128, ()) if use.op in ("int4_mm", "moe_gate_up", "moe_down")
    )  # fmt: skip
    assert packed * 4.125 / 8 / 1e6 == pytest.approx(1518.7, abs=0.1)


def test_a_site_that_no_layer_has_is_left_out() -> None:
    """A model of one linear layer asks for no attention, one of attention layers for no delta rule."""
    one = {**SMALL, "num_hidden_layers": 1}
    assert not {"sdpa", "rope", "kv_append"} & {use.op for use in layout.uses(one, 16, DENSE)}
    full = {**SMALL, "full_attention_interval": 1}
    assert not {"gated_delta_rule", "causal_conv"} & {use.op for use in layout.uses(full, 16, DENSE)}


@pytest.mark.parametrize(
    ("change", "group", "dense", "line"),
    [
        ({}, 16, ("rooter",), "no linear site rooter to keep dense; allowed: attn_out, .*; did you mean router?"),
        ({}, 15, DENSE, "group 15 is not even and positive"),
        ({}, 32, DENSE, "shared_down: its 48 columns are no multiple of the group 32"),
        ({"moe_intermediate_size": 24}, 16, DENSE, "moe_down: its 24 columns are no multiple of the group 16"),
        ({"num_attention_heads": 3}, 16, DENSE, "num_attention_heads 3 is no multiple of num_key_value_heads 2"),
        ({"linear_num_key_heads": 3}, 16, DENSE, "linear_num_value_heads 4 is no multiple of linear_num_key_heads 3"),
        ({"head_dim": 36}, 16, DENSE, "9 rotated dims: must be positive, even and at most head_dim 36"),
        ({"num_experts_per_tok": 9}, 16, DENSE, "num_experts_per_tok 9 is more than num_experts 8"),
        ({"num_hidden_layers": 0}, 16, DENSE, "num_hidden_layers 0 is not positive"),
    ],
)
def test_sizes_that_make_no_model(change: dict[str, Any], group: int, dense: tuple[str, ...], line: str) -> None:
    """Each is refused in one line, by the layout and by whoever would make the weights."""
    dims = {**SMALL, **change}
    with pytest.raises(ValueError, match=f"^{line.replace('?', '[?]')}$"):
        weights.random_weights(dims, group=group, dense=dense, dtype=torch.float32, device="cpu", seed=0)
    assert layout.problem(SMALL, 16, DENSE) is None


def test_the_layout_needs_no_torch() -> None:
    """`layout` is read where torch is not installed."""
    program = f"""
import sys
sys.modules["torch"] = None
from pathlib import Path
from harness import kernels_root
from harness.plan.calls import dims_in_pass
kernels_root.bind(Path({str(kernels_root.bound_root())!r}))
print(kernels_root.module("models.qwen3_5_moe.layout").layer_kinds({SMALL!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.count("linear_attention") == 4
