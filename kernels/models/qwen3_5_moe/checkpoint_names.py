"""The tensors of a checkpoint by Hugging Face's names, and the shape of each."""

from __future__ import annotations

from collections.abc import Collection

from .layout import DELTA, ModelDims, attention_parts, delta_parts, experts, layer_kinds

PREFIXES = ("model.language_model.", "model.")
NOT_TEXT = ("model.visual.", "visual.", "mtp.")
"""Parts of the published checkpoint that a text decoder does not use: the vision tower, multi-token prediction."""
HEAD, EMBEDDING = "lm_head.weight", "embed_tokens.weight"

Shapes = dict[str, tuple[int, ...]]


def wanted_shapes(dims: ModelDims, names: Collection[str]) -> Shapes:
    """Every tensor of the model by the checkpoint's name. The names that exist tell whether experts are fused and
    embeddings tied.
    """
    at, hidden = prefix_of(names), dims["hidden_size"]
    shapes: Shapes = {at + EMBEDDING: (dims["vocab_size"], hidden), f"{at}norm.weight": (hidden,)}
    if HEAD in names:
        shapes[HEAD] = (dims["vocab_size"], hidden)
    for i, kind in enumerate(layer_kinds(dims)):
        mixer = _delta_shapes(dims) if kind == DELTA else _attention_shapes(dims)
        single = f"{at}layers.{i}.mlp.experts.0.gate_proj.weight" in names
        local = {**mixer, **_moe_shapes(dims), **(_single_shapes(dims) if single else _fused_shapes(dims))}
        shapes |= {f"{at}layers.{i}.{name}": shape for name, shape in local.items()}
    return shapes


def prefix_of(names: Collection[str]) -> str:
    return next((prefix for prefix in PREFIXES if prefix + EMBEDDING in names), PREFIXES[-1])


def _delta_shapes(dims: ModelDims) -> Shapes:
    channels, values, v_heads, _ = delta_parts(dims)
    hidden = dims["hidden_size"]
    return {
        "linear_attn.in_proj_qkv.weight": (channels, hidden),
        "linear_attn.in_proj_z.weight": (values, hidden),
        "linear_attn.in_proj_b.weight": (v_heads, hidden),
        "linear_attn.in_proj_a.weight": (v_heads, hidden),
        "linear_attn.conv1d.weight": (channels, 1, dims["linear_conv_kernel_dim"]),
        "linear_attn.A_log": (v_heads,),
        "linear_attn.dt_bias": (v_heads,),
        "linear_attn.norm.weight": (dims["linear_value_head_dim"],),
        "linear_attn.out_proj.weight": (hidden, values),
    }


def _attention_shapes(dims: ModelDims) -> Shapes:
    queries, gates, keys, values = attention_parts(dims)
    hidden, head = dims["hidden_size"], (dims["head_dim"],)
    return {
        "self_attn.q_proj.weight": (queries + gates, hidden),
        "self_attn.k_proj.weight": (keys, hidden),
        "self_attn.v_proj.weight": (values, hidden),
        "self_attn.q_norm.weight": head,
        "self_attn.k_norm.weight": head,
        "self_attn.o_proj.weight": (hidden, queries),
    }


def _moe_shapes(dims: ModelDims) -> Shapes:
    hidden, inter = dims["hidden_size"], dims["shared_expert_intermediate_size"]
    return {
        "input_layernorm.weight": (hidden,),
        "post_attention_layernorm.weight": (hidden,),
        "mlp.gate.weight": (dims["num_experts"], hidden),
        "mlp.shared_expert.gate_proj.weight": (inter, hidden),
        "mlp.shared_expert.up_proj.weight": (inter, hidden),
        "mlp.shared_expert.down_proj.weight": (hidden, inter),
        "mlp.shared_expert_gate.weight": (1, hidden),
    }


def _fused_shapes(dims: ModelDims) -> Shapes:
    pools = experts(dims)
    return {"mlp.experts.gate_up_proj": pools["moe_gate_up"], "mlp.experts.down_proj": pools["moe_down"]}


def _single_shapes(dims: ModelDims) -> Shapes:
    count, hidden, inter = experts(dims)["moe_down"]
    parts = {"gate_proj": (inter, hidden), "up_proj": (inter, hidden), "down_proj": (hidden, inter)}
    return {f"mlp.experts.{e}.{part}.weight": shape for e in range(count) for part, shape in parts.items()}
