"""The ops of a Qwen3.5 MoE text decoder: their places, counts and sizes. Imports without torch.

Every `full_attention_interval`-th layer mixes tokens by gated attention, the others by the gated delta rule; all have
routed experts beside one shared expert. Sizes are named as in the checkpoint's own configuration.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from ...contract import Use

ModelDims = Mapping[str, Any]
"""A block of models.yaml: the keys of `DIMS`."""

DIMS: dict[str, type] = {
    "vocab_size": int,
    "hidden_size": int,
    "num_hidden_layers": int,
    "full_attention_interval": int,
    "num_attention_heads": int,
    "num_key_value_heads": int,
    "head_dim": int,
    "partial_rotary_factor": float,
    "rope_theta": float,
    "linear_conv_kernel_dim": int,
    "linear_num_key_heads": int,
    "linear_num_value_heads": int,
    "linear_key_head_dim": int,
    "linear_value_head_dim": int,
    "num_experts": int,
    "num_experts_per_tok": int,
    "moe_intermediate_size": int,
    "shared_expert_intermediate_size": int,
    "rms_norm_eps": float,
}
"""The required keys and their types; an integer is a float too."""

DELTA = "linear_attention"
ATTENTION = "full_attention"
HEADS_PER = (("num_attention_heads", "num_key_value_heads"), ("linear_num_value_heads", "linear_num_key_heads"))
"""Heads that are shared: the first is a multiple of the second."""
CACHE_BLOCK = 64
"""The capacity of a KV cache is a multiple of this."""


def layer_kinds(dims: ModelDims) -> tuple[str, ...]:
    """`linear_attention` or `full_attention` for each layer."""
    interval = dims["full_attention_interval"]
    return tuple(DELTA if i % interval else ATTENTION for i in range(1, dims["num_hidden_layers"] + 1))


def rotary_dim(dims: ModelDims) -> int:
    """The number of a head's dims that are rotated."""
    return int(dims["head_dim"] * dims["partial_rotary_factor"])


def delta_parts(dims: ModelDims) -> tuple[int, int, int, int]:
    """Rows of `gdn_in`: channels of the convolution (q, k and v of all heads), z, b, a."""
    keys = dims["linear_num_key_heads"] * dims["linear_key_head_dim"]
    v_heads = dims["linear_num_value_heads"]
    values = v_heads * dims["linear_value_head_dim"]
    return 2 * keys + values, values, v_heads, v_heads


def attention_parts(dims: ModelDims) -> tuple[int, int, int, int]:
    """Rows of `attn_qkv`: q of all heads, output gate of all heads, k, v."""
    queries = dims["num_attention_heads"] * dims["head_dim"]
    keys = dims["num_key_value_heads"] * dims["head_dim"]
    return queries, queries, keys, keys


def linears(dims: ModelDims) -> dict[str, tuple[int, int]]:
    """(n, k) of the matrix at each site that is `linear` where the suite lists it as dense, else `int4_mm`."""
    hidden, shared = dims["hidden_size"], dims["shared_expert_intermediate_size"]
    return {
        "gdn_in": (sum(delta_parts(dims)), hidden),
        "gdn_out": (hidden, delta_parts(dims)[1]),
        "attn_qkv": (sum(attention_parts(dims)), hidden),
        "attn_out": (hidden, attention_parts(dims)[0]),
        "router": (dims["num_experts"], hidden),
        "shared_gate_up": (2 * shared, hidden),
        "shared_down": (hidden, shared),
        "shared_gate": (1, hidden),
        "lm_head": (dims["vocab_size"], hidden),
    }


def experts(dims: ModelDims) -> dict[str, tuple[int, int, int]]:
    """(experts, n, k) of the two pools of int4 matrices."""
    count, inter, hidden = dims["num_experts"], dims["moe_intermediate_size"], dims["hidden_size"]
    return {"moe_gate_up": (count, 2 * inter, hidden), "moe_down": (count, hidden, inter)}


def problem(dims: ModelDims, group: int, dense: Collection[str]) -> str | None:
    """The reason why these sizes make no model, in one line; None where they do."""
    for key, kind in DIMS.items():
        if kind is int and dims[key] < 1:
            return f"{key} {dims[key]} is not positive"
    matrices = linears(dims)
    for site in dense:
        if site not in matrices:
            near = difflib.get_close_matches(site, matrices, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            return f"no linear site {site} to keep dense; allowed: {', '.join(sorted(matrices))}{hint}"
    if group < 2 or group % 2:
        return f"group {group} is not even and positive"
    for name, shape in {**matrices, **experts(dims)}.items():
        if name not in dense and shape[-1] % group:
            return f"{name}: its {shape[-1]} columns are no multiple of the group {group}"
    for many, few in HEADS_PER:
        if dims[many] % dims[few]:
            return f"{many} {dims[many]} is no multiple of {few} {dims[few]}"
    if not 0 < rotary_dim(dims) <= dims["head_dim"] or rotary_dim(dims) % 2:
        return f"{rotary_dim(dims)} rotated dims: must be positive, even and at most head_dim {dims['head_dim']}"
    if dims["num_experts_per_tok"] > dims["num_experts"]:
        return f"num_experts_per_tok {dims['num_experts_per_tok']} is more than num_experts {dims['num_experts']}"
    return None


def uses(dims: ModelDims, group: int, dense: Collection[str]) -> tuple[Use, ...]:
    """Every place of an op, in the order in which a forward pass first meets it. Dims are those of one token with an
    empty context; a site that no layer has is left out.
    """
    layers = dims["num_hidden_layers"]
    hidden = dims["hidden_size"]
    found = [
        Use("embedding", "tokens", 1, {"tokens": 1, "vocab": dims["vocab_size"], "hidden": hidden}),
        Use("rms_norm", "ln", 2 * layers, {"tokens": 1, "heads": 1, "width": hidden}),
        *_delta_uses(dims, group, dense),
        *_attention_uses(dims, group, dense),
        Use("residual_add", "mixer", layers, {"tokens": 1, "hidden": hidden}),
        *_moe_uses(dims, group, dense),
        Use("residual_add", "moe", layers, {"tokens": 1, "hidden": hidden}),
        Use("rms_norm", "final", 1, {"tokens": 1, "heads": 1, "width": hidden}, last=True),
        replace(_linear(dims, "lm_head", 1, group, dense), last=True),
        Use("greedy", "main", 1, {"batch": 1, "vocab": dims["vocab_size"]}),
    ]
    return tuple(use for use in found if use.calls)


def composites(dims: ModelDims, group: int, dense: Collection[str]) -> tuple[Use, ...]:
    """The places where one op may replace several of `uses`, which an arm may choose: dims and calls as there."""
    layers, hidden = dims["num_hidden_layers"], dims["hidden_size"]
    row = {"tokens": 1, "hidden": hidden}
    found = [
        Use("add_rms_norm", "mixer", layers, row, ("residual_add@mixer",)),
        Use("add_rms_norm", "moe", layers - 1, row, ("residual_add@moe",)),
        Use("add_rms_norm", "final", 1, row, ("residual_add@moe", "rms_norm@final"), last=True),
        *_delta_composites(dims, group, dense),
        *_attention_composites(dims, group, dense),
        *_moe_composites(dims, group, dense),
    ]
    return tuple(use for use in found if use.calls)


def _delta_composites(dims: ModelDims, group: int, dense: Collection[str]) -> tuple[Use, ...]:
    """The mixer is one op where both of its matrices are packed, with the residual and norm before it or without."""
    if {"gdn_in", "gdn_out"} & set(dense):
        return ()
    uses = _delta_uses(dims, group, dense)
    sizes = {"batch": 1, "length": 1, "hidden": dims["hidden_size"], "kernel": dims["linear_conv_kernel_dim"]}
    rule = next(use for use in uses if use.op == "gated_delta_rule")
    heads = {name: rule.dims[name] for name in ("k_heads", "v_heads", "k_dim", "v_dim")}
    sizes, replaced = {**sizes, **heads, "group": group}, tuple(u.op_site for u in uses)
    return tuple(Use(op, "main", rule.calls, sizes, replaced) for op in ("delta_mixer", "delta_layer"))


def _attention_composites(dims: ModelDims, group: int, dense: Collection[str]) -> tuple[Use, ...]:
    """All of the mixer is one op where both of its matrices are packed."""
    calls = layer_kinds(dims).count(ATTENTION)
    replaced = ("rms_norm@q_norm", "rms_norm@k_norm", "rope@main", "kv_append@main")
    found = [Use("qk_norm_rope", "main", calls, _heads(dims), replaced)]
    if not {"attn_qkv", "attn_out"} & set(dense):
        every = tuple(use.op_site for use in _attention_uses(dims, group, dense))
        sizes = {**_heads(dims), "hidden": dims["hidden_size"], "group": group}
        found.append(Use("attention_layer", "main", calls, sizes, every))
    return tuple(found)


def _moe_composites(dims: ModelDims, group: int, dense: Collection[str]) -> tuple[Use, ...]:
    """The block with its shared expert is one op where that expert is packed and its gate is not."""
    calls = dims["num_hidden_layers"]
    pool, products = _pool(dims, group), ("moe_gate_up@experts", "moe_down@experts")
    found = [Use("moe_experts", "experts", calls, pool, products)]
    if "router" in dense:
        chosen = {name: pool[name] for name in ("tokens", "experts", "top_k", "hidden")}
        found.append(Use("route", "main", calls, chosen, ("linear@router", "router@main")))
    if "shared_gate" in dense and not {"shared_gate_up", "shared_down"} & set(dense):
        shared = (
            "int4_mm@shared_gate_up",
            "swiglu@main",
            "int4_mm@shared_down",
            "linear@shared_gate",
            "gated_add@main",
        )
        sizes = {**pool, "shared": dims["shared_expert_intermediate_size"]}
        found.append(Use("moe_block", "main", calls, sizes, (*products, *shared)))
        if "router" in dense:
            before = ("residual_add@mixer", "linear@router", "router@main")
            found.append(Use("moe_layer", "main", calls, sizes, (*before, *products, *shared)))
    return tuple(found)


def _linear(dims: ModelDims, site: str, calls: int, group: int, dense: Collection[str]) -> Use:
    n, k = linears(dims)[site]
    if site in dense:
        return Use("linear", site, calls, {"tokens": 1, "n": n, "k": k})
    return Use("int4_mm", site, calls, {"tokens": 1, "n": n, "k": k, "group": group})


def _delta_uses(dims: ModelDims, group: int, dense: Collection[str]) -> tuple[Use, ...]:
    calls = layer_kinds(dims).count(DELTA)
    v_heads, v_dim = dims["linear_num_value_heads"], dims["linear_value_head_dim"]
    conv = {"channels": delta_parts(dims)[0], "kernel": dims["linear_conv_kernel_dim"]}
    heads = {
        "k_heads": dims["linear_num_key_heads"], "v_heads": v_heads,
        "k_dim": dims["linear_key_head_dim"], "v_dim": v_dim,
    }  # fmt: skip
    return (
        _linear(dims, "gdn_in", calls, group, dense),
        Use("causal_conv", "main", calls, {"batch": 1, "length": 1, **conv}),
        Use("gated_delta_rule", "main", calls, {"batch": 1, "length": 1, **heads}),
        Use("gated_rms_norm", "main", calls, {"tokens": 1, "heads": v_heads, "width": v_dim}),
        _linear(dims, "gdn_out", calls, group, dense),
    )


def _attention_uses(dims: ModelDims, group: int, dense: Collection[str]) -> tuple[Use, ...]:
    calls = layer_kinds(dims).count(ATTENTION)
    every = _heads(dims)
    heads, kv_heads, head_dim = every["heads"], every["kv_heads"], every["head_dim"]
    step = {"batch": 1, "length": 1, "context": 0}
    cache = {name: every[name] for name in (*step, "capacity", "kv_heads", "head_dim")}
    rotation = {name: every[name] for name in ("rotary_dim", "theta")}
    return (
        _linear(dims, "attn_qkv", calls, group, dense),
        Use("rms_norm", "q_norm", calls, {"tokens": 1, "heads": heads, "width": head_dim}),
        Use("rms_norm", "k_norm", calls, {"tokens": 1, "heads": kv_heads, "width": head_dim}),
        Use("rope", "main", calls, {**step, "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim, **rotation}),
        Use("kv_append", "main", calls, cache),
        Use("sdpa", "main", calls, {**cache, "heads": heads}),
        Use("sigmoid_gate", "main", calls, {"tokens": 1, "width": heads * head_dim}),
        _linear(dims, "attn_out", calls, group, dense),
    )


def _heads(dims: ModelDims) -> dict[str, int]:
    """Sizes of one call of attention's ops, with all of their names."""
    return {
        "batch": 1, "length": 1, "context": 0, "capacity": CACHE_BLOCK,
        "heads": dims["num_attention_heads"], "kv_heads": dims["num_key_value_heads"], "head_dim": dims["head_dim"],
        "rotary_dim": rotary_dim(dims), "theta": int(dims["rope_theta"]),
    }  # fmt: skip


def _moe_uses(dims: ModelDims, group: int, dense: Collection[str]) -> tuple[Use, ...]:
    calls = dims["num_hidden_layers"]
    pool = _pool(dims, group)
    return (
        _linear(dims, "router", calls, group, dense),
        Use("router", "main", calls, {name: pool[name] for name in ("tokens", "experts", "top_k")}),
        Use("moe_gate_up", "experts", calls, pool),
        Use("moe_down", "experts", calls, pool),
        _linear(dims, "shared_gate_up", calls, group, dense),
        Use("swiglu", "main", calls, {"tokens": 1, "inter": dims["shared_expert_intermediate_size"]}),
        _linear(dims, "shared_down", calls, group, dense),
        _linear(dims, "shared_gate", calls, group, dense),
        Use("gated_add", "main", calls, {"tokens": 1, "hidden": dims["hidden_size"]}),
    )


def _pool(dims: ModelDims, group: int) -> dict[str, int]:
    """Sizes of the routed experts' products."""
    return {
        "tokens": 1, "experts": dims["num_experts"], "top_k": dims["num_experts_per_tok"],
        "inter": dims["moe_intermediate_size"], "hidden": dims["hidden_size"], "group": group,
    }  # fmt: skip
