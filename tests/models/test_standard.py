"""Qwen3 MoE and Llama, each a block of models.yaml and one small layout, compute what transformers computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml
from torch import Tensor
from transformers import DynamicCache

from harness.decode.arm_ops import ReferenceOps
from harness.load_kernels import load_model, load_spec
from harness.plan.calls import dims_in_pass
from harness.suite.catalogue import ops
from harness_kernels.operands import evaluate
from harness_kernels.packing import dequantise, quantise
from tests.conftest import REPOSITORY
from tests.models.test_layout import RecordingOps

GROUP, PROMPT, STEPS = 16, 7, 16
AGREES = 1e-4
"""Largest difference over the largest logit, in float32 on both sides."""
ATTENTION: dict[str, Any] = {
    "vocab_size": 96, "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 32, "rope_theta": 500000.0, "rms_norm_eps": 1e-5,
}  # fmt: skip
SIZES: dict[str, dict[str, Any]] = {
    "qwen3_moe": {**ATTENTION, "num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48},
    "llama": {**ATTENTION, "intermediate_size": 112},
}
SHAPES: list[Any] = [
    pytest.param("qwen3_moe", {}, 0, 2, ("router",), id="qwen3_moe"),
    pytest.param("qwen3_moe", {"num_key_value_heads": 4, "head_dim": 16}, 1, 1, (), id="qwen3_moe, own keys a head"),
    pytest.param("llama", {}, 0, 2, (), id="llama"),
    pytest.param(
        "llama", {"num_key_value_heads": 1, "num_hidden_layers": 1}, 1, 3, ("lm_head",), id="llama, one kv head"
    ),
]


def theirs(architecture: str, dims: dict[str, Any], seed: int) -> Any:
    """The model of transformers, float32, no parameter at its default."""
    names = {"qwen3_moe": "Qwen3Moe", "llama": "Llama"}[architecture]
    sizes = {key: value for key, value in dims.items() if key != "rope_theta"}
    more = {"norm_topk_prob": True} if architecture == "qwen3_moe" else {}
    rope = {"rope_theta": dims["rope_theta"], "rope_type": "default"}
    config = getattr(transformers, f"{names}Config")(**sizes, rope_parameters=rope, **more)
    config._attn_implementation = config._experts_implementation = "eager"
    model = getattr(transformers, f"{names}ForCausalLM")(config).float().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                values = 1 + 0.3 * values
            elif "embed" not in name:
                values *= parameter.shape[-1] ** -0.5
            parameter.copy_(values)
    return model


def rounded_to_int4(model: Any, dense: tuple[str, ...]) -> None:
    """Each matrix becomes what its packing stands for, by its own name."""
    keep = [
        "embed_tokens",
        *(("mlp.gate.",) if "router" in dense else ()),
        *(("lm_head",) if "lm_head" in dense else ()),
    ]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and not any(part in name for part in keep):
                parameter.copy_(dequantise(*quantise(parameter, GROUP), GROUP))


def their_logits(model: Any, tokens: Tensor) -> Tensor:
    """[batch, length, vocab]: of the prompt in one pass, then step by step."""
    cache = DynamicCache(config=model.config)
    with torch.no_grad():
        parts = [model(tokens[:, :PROMPT], past_key_values=cache, use_cache=True).logits]
        for t in range(PROMPT, tokens.shape[1]):
            parts.append(model(tokens[:, t : t + 1], past_key_values=cache, use_cache=True).logits)
    return torch.cat(parts, dim=1)


def our_logits(decoder: Any, tokens: Tensor) -> Tensor:
    first = decoder.prefill(tokens[:, :PROMPT], every=True)
    steps = [decoder.decode(tokens[:, t], torch.tensor([t])) for t in range(PROMPT, tokens.shape[1])]
    return torch.cat((first, torch.stack(steps, dim=1)), dim=1)


def difference(got: Tensor, wanted: Tensor) -> float:
    assert got.shape == wanted.shape
    return ((got - wanted).abs().max() / wanted.abs().max()).item()


def ours(architecture: str, dims: dict[str, Any], folder: Path, batch: int, dense: tuple[str, ...], bound: Any) -> Any:
    modules = load_model(architecture)
    common: dict[str, Any] = {"group": GROUP, "dtype": torch.float32, "device": "cpu"}
    weights = modules.checkpoint.load(folder, dims, dense=dense, **common)
    return modules.model.build(dims, weights, bound, batch=batch, capacity=PROMPT + STEPS + 1, **common)


@pytest.mark.parametrize(("architecture", "change", "seed", "batch", "dense"), SHAPES)
def test_prefill_and_decode_agree_with_transformers(
    architecture: str, change: dict[str, Any], seed: int, batch: int, dense: tuple[str, ...], tmp_path: Path
) -> None:
    """Logits of every prompt position and of 16 teacher-forced steps agree to 1e-4 of the largest; a model of theirs
    that was not rounded to int4 does not."""
    dims = {**SIZES[architecture], **change}
    model = theirs(architecture, dims, seed)
    model.save_pretrained(tmp_path)
    tokens = torch.randint(dims["vocab_size"], (batch, PROMPT + STEPS), generator=torch.Generator().manual_seed(5))
    original = their_logits(model, tokens)
    rounded_to_int4(model, dense)
    got = our_logits(ours(architecture, dims, tmp_path, batch, dense, ReferenceOps()), tokens)
    assert difference(got, their_logits(model, tokens)) <= AGREES
    assert difference(got, original) > 10 * AGREES


@pytest.mark.parametrize("architecture", SIZES)
def test_uses_are_what_the_model_does(architecture: str) -> None:
    """One decode step calls the ops at the sites and as often as `uses` says, with the shapes that its dims give, and a
    prefill with those of its prompt; every op is one that was there before."""
    dims, modules, bound = SIZES[architecture], load_model(architecture), RecordingOps()
    common: dict[str, Any] = {"group": GROUP, "dtype": torch.float32, "device": "cpu"}
    dense = ("router",) if architecture == "qwen3_moe" else ()
    raw = modules.weights.random_weights(dims, dense=dense, seed=0, **common)
    decoder = modules.model.build(dims, raw, bound, batch=1, capacity=64, **common)
    decoder.sample(decoder.decode(torch.tensor([3]), torch.tensor([0])))
    uses = modules.layout.uses(dims, GROUP, dense)
    assert {(use.op, use.site): use.calls for use in uses} == bound.calls
    for use in uses:
        declared = [tuple(evaluate(size, use.dims) for size in i.shape) for i in load_spec(use.op).op.inputs]
        assert bound.shapes[use.op, use.site] == declared, (use.op, use.site)
    prompt = RecordingOps()
    modules.model.build(dims, raw, prompt, batch=2, capacity=64, **common).prefill(torch.ones(2, 7).long())
    for use in (use for use in uses if use.op != "greedy"):
        sizes = dims_in_pass(use, "prefill", 2, 7)
        declared = [tuple(evaluate(size, sizes) for size in i.shape) for i in load_spec(use.op).op.inputs]
        assert prompt.shapes[use.op, use.site] == declared, use.op_site
    five = load_model("qwen3_5_moe").layout
    large = yaml.safe_load((REPOSITORY / "suites" / "models.yaml").read_text())["qwen3_5_35b_a3b"]
    assert {use.op for use in uses} <= {use.op for use in five.uses(large, 128, ())} | {"linear"} <= set(ops())


@pytest.mark.parametrize(
    ("architecture", "change", "line"),
    [
        ("qwen3_moe", {"num_experts_per_tok": 9}, "num_experts_per_tok 9 is more than num_experts 8"),
        ("llama", {"intermediate_size": 20}, "mlp_down: its 20 columns are no multiple of the group 16"),
        ("llama", {"num_attention_heads": 3}, "num_attention_heads 3 is no multiple of num_key_value_heads 2"),
    ],
)
def test_sizes_that_make_no_model(architecture: str, change: dict[str, Any], line: str) -> None:
    modules = load_model(architecture)
    with pytest.raises(ValueError, match=f"^{line}$"):
        modules.weights.random_weights(
            {**SIZES[architecture], **change}, group=16, dense=(), dtype=torch.float32, device="cpu", seed=0
        )


def test_another_models_checkpoint_is_refused(tmp_path: Path) -> None:
    """In one line that says what it is, and where; so is one whose rotations are scaled."""
    theirs("llama", SIZES["llama"], 0).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"config.json: model_type is llama, only qwen3_moe is known"):
        ours("qwen3_moe", SIZES["qwen3_moe"], tmp_path, 1, (), ReferenceOps())
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"rope_type": "default"', '"rope_type": "llama3"'))
    with pytest.raises(ValueError, match="rope_type is llama3, only default is known"):
        ours("llama", SIZES["llama"], tmp_path, 1, (), ReferenceOps())
