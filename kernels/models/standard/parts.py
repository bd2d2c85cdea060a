"""The decoder that most models are: attention with a cache and an MLP or routed experts in every layer. Without torch.

An architecture of this kind is a `layout.py` of its own: a `Kind`, the keys of its block in models.yaml, and the three
functions below with the kind filled in. Model, weights and checkpoint are those of this folder.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...contract import Use

ModelDims = Mapping[str, Any]

SIZES: dict[str, type] = {
    "vocab_size": int,
    "hidden_size": int,
    "num_hidden_layers": int,
    "num_attention_heads": int,
    "num_key_value_heads": int,
    "head_dim": int,
    "rope_theta": float,
    "rms_norm_eps": float,
}
"""Keys that every kind has, as in the checkpoint's own configuration."""
EXPERT_SIZES: dict[str, type] = {"num_experts": int, "num_experts_per_tok": int, "moe_intermediate_size": int}
MLP_SIZES: dict[str, type] = {"intermediate_size": int}
CACHE_BLOCK = 64
"""The capacity of a KV cache is a multiple of this."""


@dataclass(frozen=True)
class Kind:
    """`qk_norm`: queries and keys are normalised per head. `experts`: routed experts in place of one MLP. `model_type`:
    in config.json. `fixed`: values that config.json must have if it has the key at all.
    """

    model_type: str
    qk_norm: bool
    experts: bool
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, type]:
        """The required keys of a block in models.yaml and their types."""
        return {**SIZES, **(EXPERT_SIZES if self.experts else MLP_SIZES)}


def attention_parts(dims: ModelDims) -> tuple[int, int, int]:
    """Rows of `attn_qkv`: q of all heads, k, v."""
    keys = dims["num_key_value_heads"] * dims["head_dim"]
    return dims["num_attention_heads"] * dims["head_dim"], keys, keys


def linears(kind: Kind, dims: ModelDims) -> dict[str, tuple[int, int]]:
    """(n, k) of the matrix at each site that is `linear` where the suite lists it as dense, else `int4_mm`."""
    hidden = dims["hidden_size"]
    found = {"attn_qkv": (sum(attention_parts(dims)), hidden), "attn_out": (hidden, attention_parts(dims)[0])}
    if kind.experts:
        found["router"] = (dims["num_experts"], hidden)
    else:
        found["mlp_gate_up"] = (2 * dims["intermediate_size"], hidden)
        found["mlp_down"] = (hidden, dims["intermediate_size"])
    return {**found, "lm_head": (dims["vocab_size"], hidden)}


def experts(kind: Kind, dims: ModelDims) -> dict[str, tuple[int, int, int]]:
    """(experts, n, k) of the two pools of int4 matrices; none without experts."""
    if not kind.experts:
        return {}
    count, inter, hidden = dims["num_experts"], dims["moe_intermediate_size"], dims["hidden_size"]
    return {"moe_gate_up": (count, 2 * inter, hidden), "moe_down": (count, hidden, inter)}


def problem(kind: Kind, dims: ModelDims, group: int, dense: Collection[str]) -> str | None:
    """The reason why these sizes make no model, in one line; None where they do."""
    for key, wanted in kind.sizes.items():
        if wanted is int and dims[key] < 1:
            return f"{key} {dims[key]} is not positive"
    matrices = linears(kind, dims)
    for site in dense:
        if site not in matrices:
            near = difflib.get_close_matches(site, matrices, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            return f"no linear site {site} to keep dense; allowed: {', '.join(sorted(matrices))}{hint}"
    if group < 2 or group % 2:
        return f"group {group} is not even and positive"
    for name, shape in {**matrices, **experts(kind, dims)}.items():
        if name not in dense and shape[-1] % group:
            return f"{name}: its {shape[-1]} columns are no multiple of the group {group}"
    heads, kv_heads = dims["num_attention_heads"], dims["num_key_value_heads"]
    if heads % kv_heads:
        return f"num_attention_heads {heads} is no multiple of num_key_value_heads {kv_heads}"
    if dims["head_dim"] % 2:
        return f"head_dim {dims['head_dim']} is odd: its halves are rotated against each other"
    if kind.experts and dims["num_experts_per_tok"] > dims["num_experts"]:
        return f"num_experts_per_tok {dims['num_experts_per_tok']} is more than num_experts {dims['num_experts']}"
    return None


def uses(kind: Kind, dims: ModelDims, group: int, dense: Collection[str]) -> tuple[Use, ...]:
    """Every place of an op, in the order in which a forward pass first meets it. Dims are those of one token with an
    empty context."""
    layers, hidden = dims["num_hidden_layers"], dims["hidden_size"]

    def linear(site: str, calls: int = layers) -> Use:
        n, k = linears(kind, dims)[site]
        if site in dense:
            return Use("linear", site, calls, {"tokens": 1, "n": n, "k": k})
        return Use("int4_mm", site, calls, {"tokens": 1, "n": n, "k": k, "group": group})

    return (
        Use("embedding", "tokens", 1, {"tokens": 1, "vocab": dims["vocab_size"], "hidden": hidden}),
        Use("rms_norm", "ln", 2 * layers, {"tokens": 1, "heads": 1, "width": hidden}),
        linear("attn_qkv"),
        *_attention_uses(kind, dims),
        linear("attn_out"),
        Use("residual_add", "mixer", layers, {"tokens": 1, "hidden": hidden}),
        *(_expert_uses(dims, group, linear("router")) if kind.experts else ()),
        *(() if kind.experts else (linear("mlp_gate_up"), _swiglu(dims), linear("mlp_down"))),
        Use("residual_add", "mlp", layers, {"tokens": 1, "hidden": hidden}),
        Use("rms_norm", "final", 1, {"tokens": 1, "heads": 1, "width": hidden}, last=True),
        replace(linear("lm_head", 1), last=True),
        Use("greedy", "main", 1, {"batch": 1, "vocab": dims["vocab_size"]}),
    )


def _attention_uses(kind: Kind, dims: ModelDims) -> tuple[Use, ...]:
    layers = dims["num_hidden_layers"]
    heads, kv_heads, head_dim = dims["num_attention_heads"], dims["num_key_value_heads"], dims["head_dim"]
    step = {"batch": 1, "length": 1, "context": 0}
    cache = {**step, "capacity": CACHE_BLOCK, "kv_heads": kv_heads, "head_dim": head_dim}
    rotation = {"rotary_dim": head_dim, "theta": int(dims["rope_theta"])}
    norms = (
        Use("rms_norm", "q_norm", layers, {"tokens": 1, "heads": heads, "width": head_dim}),
        Use("rms_norm", "k_norm", layers, {"tokens": 1, "heads": kv_heads, "width": head_dim}),
    )
    return (
        *(norms if kind.qk_norm else ()),
        Use("rope", "main", layers, {**step, "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim, **rotation}),
        Use("kv_append", "main", layers, cache),
        Use("sdpa", "main", layers, {**cache, "heads": heads}),
    )


def _swiglu(dims: ModelDims) -> Use:
    return Use("swiglu", "main", dims["num_hidden_layers"], {"tokens": 1, "inter": dims["intermediate_size"]})


def _expert_uses(dims: ModelDims, group: int, router: Use) -> tuple[Use, ...]:
    layers = dims["num_hidden_layers"]
    chosen = {"tokens": 1, "experts": dims["num_experts"], "top_k": dims["num_experts_per_tok"]}
    pool = {**chosen, "inter": dims["moe_intermediate_size"], "hidden": dims["hidden_size"], "group": group}
    return (
        router,
        Use("router", "main", layers, chosen),
        Use("moe_gate_up", "experts", layers, pool),
        Use("moe_down", "experts", layers, pool),
    )
