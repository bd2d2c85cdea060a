"""What a Qwen3.5 MoE text decoder is made of: its dimensions, layers and the uses of its ops. Imports without torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ...contract import Use

DIMS: dict[str, type] = {
    "vocab_size": int, "hidden_size": int, "num_hidden_layers": int, "full_attention_interval": int,
    "num_attention_heads": int, "num_key_value_heads": int, "head_dim": int, "partial_rotary_factor": float,
    "rope_theta": int, "rms_norm_eps": float, "linear_conv_kernel_dim": int, "linear_key_head_dim": int,
    "linear_value_head_dim": int, "linear_num_key_heads": int, "linear_num_value_heads": int,
    "moe_intermediate_size": int, "shared_expert_intermediate_size": int, "num_experts": int, "num_experts_per_tok": int,
}  # fmt: skip
"""The keys of a block in models.yaml, named as in the published configuration."""

Dims = Mapping[str, int | float | str]
LINEAR, FULL = "linear_attention", "full_attention"


def layer_kinds(dims: Dims) -> tuple[str, ...]:
    """One kind per layer: every `full_attention_interval`-th is full attention, the others gated delta."""
    interval = int(dims["full_attention_interval"])
    return tuple(LINEAR if (i + 1) % interval else FULL for i in range(int(dims["num_hidden_layers"])))


def matrices(dims: Dims) -> dict[str, tuple[int, int]]:
    """[n, k] of the linear layer at each site."""
    hidden, head = int(dims["hidden_size"]), int(dims["head_dim"])
    queries, keys = int(dims["num_attention_heads"]) * head, int(dims["num_key_value_heads"]) * head
    values = int(dims["linear_num_value_heads"]) * int(dims["linear_value_head_dim"])
    shared = int(dims["shared_expert_intermediate_size"])
    return {
        "gdn_in": (conv_channels(dims) + values + 2 * int(dims["linear_num_value_heads"]), hidden),
        "gdn_out": (hidden, values),
        "attn_qkv": (2 * queries + 2 * keys, hidden),
        "attn_out": (hidden, queries),
        "router": (int(dims["num_experts"]), hidden),
        "shared_gate": (1, hidden),
        "shared_gate_up": (2 * shared, hidden),
        "shared_down": (hidden, shared),
        "lm_head": (int(dims["vocab_size"]), hidden),
    }


def conv_channels(dims: Dims) -> int:
    keys = int(dims["linear_num_key_heads"]) * int(dims["linear_key_head_dim"])
    return 2 * keys + int(dims["linear_num_value_heads"]) * int(dims["linear_value_head_dim"])


def linear_op(site: str, dense: Collection[str]) -> str:
    """The op of the linear layer at a site: sites in `dense` keep a matrix in the activations' dtype."""
    return "linear" if site in dense else "int4_mm"


def uses(dims: Dims, group: int, dense: Collection[str]) -> tuple[Use, ...]:
    """Every use of an op in one forward pass, with its dims at one token; the order is the model's own."""
    layers = layer_kinds(dims)
    count, full = len(layers), layers.count(FULL)
    calls = {"gdn_in": count - full, "gdn_out": count - full, "attn_qkv": full, "attn_out": full, "lm_head": 1}
    hidden, experts, top_k = int(dims["hidden_size"]), int(dims["num_experts"]), int(dims["num_experts_per_tok"])
    inter, shared = int(dims["moe_intermediate_size"]), int(dims["shared_expert_intermediate_size"])
    heads, kv_heads, head_dim = (int(dims[n]) for n in ("num_attention_heads", "num_key_value_heads", "head_dim"))
    v_heads, v_dim = int(dims["linear_num_value_heads"]), int(dims["linear_value_head_dim"])
    attention = {"heads": heads, "kv_heads": kv_heads, "head_dim": head_dim}
    rope = {"rotary_dim": rotary_dim(dims), "theta": int(dims["rope_theta"])}
    delta = {"k_heads": int(dims["linear_num_key_heads"]), "k_dim": int(dims["linear_key_head_dim"]), "v_heads": v_heads, "v_dim": v_dim}
    expert = {"experts": experts, "top_k": top_k, "inter": inter, "hidden": hidden, "group": group}

    def linear(site: str) -> Use:
        n, k = matrices(dims)[site]
        op = linear_op(site, dense)
        return Use(op, site, calls.get(site, count), {"n": n, "k": k} | ({"group": group} if op == "int4_mm" else {}))

    def norm(site: str, n: int, rows: int, width: int) -> Use:
        return Use("rms_norm", site, n, {"heads": rows, "width": width})

    found = (
        Use("embedding", "tokens", 1, {"vocab": int(dims["vocab_size"]), "hidden": hidden}),
        norm("ln", 2 * count, 1, hidden),
        linear("gdn_in"),
        Use("causal_conv", "main", count - full, {"channels": conv_channels(dims), "kernel": int(dims["linear_conv_kernel_dim"])}),
        Use("gated_delta_rule", "main", count - full, delta),
        Use("gated_rms_norm", "main", count - full, {"heads": v_heads, "width": v_dim}),
        linear("gdn_out"),
        linear("attn_qkv"),
        norm("q_norm", full, heads, head_dim),
        norm("k_norm", full, kv_heads, head_dim),
        Use("rope", "main", full, attention | rope),
        Use("kv_append", "main", full, attention),
        Use("sdpa", "main", full, attention),
        Use("sigmoid_gate", "main", full, {"width": heads * head_dim}),
        linear("attn_out"),
        Use("residual_add", "mixer", count, {"hidden": hidden}),
        linear("router"),
        Use("router", "main", count, {"experts": experts, "top_k": top_k}),
        Use("moe_gate_up", "experts", count, expert),
        Use("moe_down", "experts", count, expert),
        linear("shared_gate_up"),
        Use("swiglu", "main", count, {"inter": shared}),
        linear("shared_down"),
        linear("shared_gate"),
        Use("gated_add", "main", count, {"hidden": hidden}),
        Use("residual_add", "moe", count, {"hidden": hidden}),
        norm("final", 1, 1, hidden),
        linear("lm_head"),
        Use("greedy", "main", 1, {"vocab": int(dims["vocab_size"])}),
    )
    return tuple(use for use in found if use.calls)


def rotary_dim(dims: Dims) -> int:
    return int(int(dims["head_dim"]) * float(dims["partial_rotary_factor"]))
