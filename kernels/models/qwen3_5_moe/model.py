"""Qwen3.5 MoE text decoder. Every computation is an op that the caller resolved; this module only connects them.

Slices of a fused projection stay strided views of it; only a norm over heads takes rows, so that for several tokens its
slice is copied.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ...contract import Bound, Ops
from ..decoder import Bind, Decoder
from .layout import DELTA, ModelDims, attention_parts, delta_parts, layer_kinds, rotary_dim
from .weights import Weights


def build(
    dims: ModelDims, weights: Weights, ops: Ops, *,
    batch: int, capacity: int, group: int, dtype: torch.dtype, device: str,
) -> QwenDecoder:  # fmt: skip
    """A decoder with zeroed states for `batch` sequences of up to `capacity` positions; activations in `dtype`.

    A site is `linear` or `int4_mm` by its weights: dense, or packed with a scale.
    """
    cache = (batch, dims["num_key_value_heads"], capacity, dims["head_dim"])
    window = (batch, delta_parts(dims)[0], dims["linear_conv_kernel_dim"] - 1)
    heads = (batch, dims["linear_num_value_heads"], dims["linear_key_head_dim"], dims["linear_value_head_dim"])
    states = {}
    for i, kind in enumerate(layer_kinds(dims)):
        if kind == DELTA:
            states[f"conv.{i}"] = torch.zeros(window, dtype=dtype, device=device)
            states[f"delta.{i}"] = torch.zeros(heads, dtype=torch.float32, device=device)
        else:  # zeroed, since an attention that masks scores would spread a NaN from an unused slot
            states[f"k.{i}"] = torch.zeros(cache, dtype=dtype, device=device)
            states[f"v.{i}"] = torch.zeros(cache, dtype=dtype, device=device)
    top = Bind(ops, dims, group, None, weights.top)
    layers = [
        _Layer(kind, Bind(ops, dims, group, i, sites), states)
        for i, (kind, sites) in enumerate(zip(layer_kinds(dims), weights.layers, strict=True))
    ]
    return QwenDecoder(top, layers, states, batch, capacity, device)


class QwenDecoder(Decoder):
    """`states`: by name and layer. `k.3` and `v.3` are [batch, kv_heads, capacity, head_dim] and `conv.0` is [batch,
    channels, kernel - 1], in the activations' dtype. `delta.0` is [batch, v_heads, k_dim, v_dim] in float32.
    """

    def __init__(
        self, bind: Bind, layers: list[_Layer], states: dict[str, Tensor], batch: int, capacity: int, device: str
    ) -> None:
        super().__init__(states, batch, capacity, device, bind("greedy"))
        self._embed, self._layers = bind("embedding", "tokens", "tokens"), layers
        self._norm = _AddNorm(bind, "moe", "final", ("final", "final"))
        self._head = bind.linear("lm_head")

    def _hidden(self, phase: str, token_ids: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """The residual stream and the last layer's addition to it, both [tokens, hidden]."""
        x, change = self._embed(phase, token_ids.flatten()), None
        for layer in self._layers:
            x, change = layer(phase, x, change, positions)
        assert change is not None
        return x, change

    def _logits(self, phase: str, *hidden: Tensor) -> Tensor:
        logits: Tensor = self._head(phase, self._norm(phase, *hidden)[1])
        return logits


class _Layer:
    def __init__(self, kind: str, bind: Bind, states: Mapping[str, Tensor]) -> None:
        self.norm_1 = _AddNorm(bind, "moe", "moe", ("ln", "ln_1"))
        self.mix = _GatedDelta(bind, states) if kind == DELTA else _Attention(bind, states)
        self.norm_2 = _AddNorm(bind, "mixer", "mixer", ("ln", "ln_2"))
        self.experts = _Experts(bind)
        self.rest = _rest_of_layer(bind)

    def __call__(self, phase: str, x: Tensor, change: Tensor | None, positions: Tensor) -> tuple[Tensor, Tensor]:
        """x and the previous layer's addition to it (None: nothing) -> the two parts of the sum at this layer's end,
        not yet added.
        """
        if self.mix.adds(phase):
            x, mixed = self.mix.added(phase, x, torch.zeros_like(x) if change is None else change, positions)
        else:
            x, normed = self.norm_1(phase, x, change)
            mixed = self.mix(phase, normed, positions)
        if self.rest.covers(phase):
            z, change = self.rest(phase, x, mixed)
            return z, change
        x, normed = self.norm_2(phase, x, mixed)
        return x, self.experts(phase, normed)


def _rest_of_layer(bind: Bind) -> Bound:
    """Everything after the mixer as one op."""
    weights = {"norm_weight": ("ln_2", "weight"), "router_weight": ("router", "weight"), **_experts_weights()}
    constants = {"eps": bind.dims["rms_norm_eps"], "top_k": bind.dims["num_experts_per_tok"], "group": bind.group}
    return bind("moe_layer", weights=weights, **constants)


def _experts_weights() -> dict[str, tuple[str, str]]:
    """Weights of the routed experts, the shared one and its gate, by the names that the composites give them."""
    sites = {"gate_up": "moe_gate_up", "down": "moe_down", "shared_gate_up": "shared_gate_up"}
    sites["shared_down"] = "shared_down"
    found = {f"{name}_{part}": (site, part) for name, site in sites.items() for part in ("weight", "scale")}
    return {**found, "shared_gate_weight": ("shared_gate", "weight")}


class _AddNorm:
    """The residual connection at `added` and the norm after it, as the composite at `fused` where the arm has it."""

    def __init__(self, bind: Bind, added: str, fused: str, norm: tuple[str, str]) -> None:
        self.add, self.norm = bind("residual_add", added), bind.norm(*norm)
        self.both = bind("add_rms_norm", fused, norm[1], eps=bind.dims["rms_norm_eps"])

    def __call__(self, phase: str, x: Tensor, change: Tensor | None) -> tuple[Tensor, Tensor]:
        """The sum, x itself where there is nothing to add yet, and its norm."""
        if change is None:
            return x, self.norm(phase, x)
        if self.both.covers(phase):
            z, normed = self.both(phase, x, change)
            return z, normed
        x = self.add(phase, x, change)
        return x, self.norm(phase, x)


class _GatedDelta:
    def __init__(self, bind: Bind, states: Mapping[str, Tensor]) -> None:
        self.project, self.out = bind.linear("gdn_in"), bind.linear("gdn_out")
        self.conv = bind("causal_conv", weights="conv")
        self.rule = bind("gated_delta_rule", weights="delta", k_heads=bind.dims["linear_num_key_heads"])
        self.norm = bind("gated_rms_norm", weights="gdn_norm", eps=bind.dims["rms_norm_eps"])
        self.parts, self.v_dim = delta_parts(bind.dims), bind.dims["linear_value_head_dim"]
        self.window, self.state = states[f"conv.{bind.layer}"], states[f"delta.{bind.layer}"]
        weights = {
            "in_weight": ("gdn_in", "weight"), "in_scale": ("gdn_in", "scale"), "conv_weight": ("conv", "weight"),
            "a_log": ("delta", "a_log"), "dt_bias": ("delta", "dt_bias"), "norm_weight": ("gdn_norm", "weight"),
            "out_weight": ("gdn_out", "weight"), "out_scale": ("gdn_out", "scale"),
        }  # fmt: skip
        constants = {
            "k_heads": bind.dims["linear_num_key_heads"], "eps": bind.dims["rms_norm_eps"], "group": bind.group
        }  # fmt: skip
        self.whole = bind("delta_mixer", weights=weights, **constants)
        self.half = bind("delta_layer", weights={"ln_weight": ("ln_1", "weight"), **weights}, **constants)

    def adds(self, phase: str) -> bool:
        """Whether one op does all from the residual connection before the mixer on."""
        return self.half.covers(phase)

    def added(self, phase: str, x: Tensor, change: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """x + change and the mixer's result for its norm, both [tokens, hidden]."""
        x, change = (part.unflatten(0, (-1, len(positions))) for part in (x, change))
        z, y = self.half(phase, x, change, self.window, self.state)
        return z.flatten(0, 1), y.flatten(0, 1)

    def __call__(self, phase: str, x: Tensor, positions: Tensor) -> Tensor:
        if self.whole.covers(phase):
            y = self.whole(phase, x.unflatten(0, (-1, len(positions))), self.window, self.state)
            return y.flatten(0, 1)  # [tokens, hidden]
        rows = self.project(phase, x).unflatten(0, (-1, len(positions)))  # [batch, length, channels + z + b + a]
        qkv, z, b, a = rows.split(self.parts, dim=-1)
        qkv = self.conv(phase, qkv, self.window)  # [batch, length, channels]
        y = self.rule(phase, qkv, a, b, self.state)  # [batch, length, v_heads, v_dim]
        y = self.norm(phase, y.reshape(-1, self.v_dim), z.reshape(-1, self.v_dim))  # [tokens * v_heads, v_dim]
        return self.out(phase, y.view(len(x), -1))  # [tokens, hidden]


class _Attention:
    def __init__(self, bind: Bind, states: Mapping[str, Tensor]) -> None:
        dims = bind.dims
        self.project, self.out = bind.linear("attn_qkv"), bind.linear("attn_out")
        self.q_norm, self.k_norm = bind.norm("q_norm", "q_norm"), bind.norm("k_norm", "k_norm")
        self.rope = bind("rope", rotary_dim=rotary_dim(dims), theta=dims["rope_theta"])
        self.append, self.attend, self.gate = bind("kv_append"), bind("sdpa"), bind("sigmoid_gate")
        self.prepare = bind(
            "qk_norm_rope", weights={"q_weight": ("q_norm", "weight"), "k_weight": ("k_norm", "weight")},
            eps=dims["rms_norm_eps"], rotary_dim=rotary_dim(dims), theta=dims["rope_theta"],
        )  # fmt: skip
        self.heads, self.kv_heads = dims["num_attention_heads"], dims["num_key_value_heads"]
        self.parts, self.head_dim = attention_parts(dims), dims["head_dim"]
        self.caches = states[f"k.{bind.layer}"], states[f"v.{bind.layer}"]  # [batch, kv_heads, capacity, head_dim]

        self.half = bind(
            "attention_layer",
            weights={
                "ln_weight": ("ln_1", "weight"), "in_weight": ("attn_qkv", "weight"), "in_scale": ("attn_qkv", "scale"),
                "q_weight": ("q_norm", "weight"), "k_weight": ("k_norm", "weight"),
                "out_weight": ("attn_out", "weight"), "out_scale": ("attn_out", "scale"),
            },
            heads=self.heads, rotary_dim=rotary_dim(dims), theta=dims["rope_theta"], eps=dims["rms_norm_eps"],
            group=bind.group,
        )  # fmt: skip

    def adds(self, phase: str) -> bool:
        """Whether one op does all from the residual connection before the mixer on."""
        return self.half.covers(phase)

    def added(self, phase: str, x: Tensor, change: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """x + change and the mixer's result for its norm, both [tokens, hidden]."""
        x, change = (part.unflatten(0, (-1, len(positions))) for part in (x, change))
        z, y = self.half(phase, x, change, positions, *self.caches)
        return z.flatten(0, 1), y.flatten(0, 1)

    def __call__(self, phase: str, x: Tensor, positions: Tensor) -> Tensor:
        length = len(positions)
        q, gate, k, v = self.project(phase, x).split(self.parts, dim=-1)  # each [tokens, heads * head_dim]
        v = v.unflatten(-1, (-1, self.head_dim)).unflatten(0, (-1, length))
        if self.prepare.covers(phase):
            q, k = (x.unflatten(-1, (-1, self.head_dim)).unflatten(0, (-1, length)) for x in (q, k))
            q = self.prepare(phase, q, k, v, positions, *self.caches)
        else:
            q = self._rotate_and_append(phase, q, k, v, positions)
        y = self.attend(phase, q, *self.caches, positions)  # [batch, length, heads, head_dim]
        return self.out(phase, self.gate(phase, y.reshape(gate.shape), gate))  # [tokens, hidden]

    def _rotate_and_append(self, phase: str, q: Tensor, k: Tensor, v: Tensor, positions: Tensor) -> Tensor:
        length = len(positions)
        q = self.q_norm(phase, q.reshape(-1, self.head_dim)).unflatten(0, (-1, length, self.heads))
        k = self.k_norm(phase, k.reshape(-1, self.head_dim)).unflatten(0, (-1, length, self.kv_heads))
        q, k = self.rope(phase, q, k, positions)  # each [batch, length, heads, head_dim]
        self.append(phase, k, v, positions, *self.caches)
        return q


class _Experts:
    def __init__(self, bind: Bind) -> None:
        self.score = bind.linear("router")
        self.choose = bind("router", top_k=bind.dims["num_experts_per_tok"])
        self.gate_up = bind("moe_gate_up", "experts", "moe_gate_up", group=bind.group)
        self.down = bind("moe_down", "experts", "moe_down", group=bind.group)
        self.shared_gate_up, self.shared_down = bind.linear("shared_gate_up"), bind.linear("shared_down")
        self.swiglu = bind("swiglu")
        self.shared_gate = bind.linear("shared_gate")
        self.add = bind("gated_add")
        self.route = bind("route", weights="router", top_k=bind.dims["num_experts_per_tok"])
        weights = _experts_weights()
        pools = {name: at for name, at in weights.items() if not name.startswith("shared")}
        self.routed = bind("moe_experts", "experts", pools, group=bind.group)
        self.block = bind("moe_block", weights=weights, group=bind.group)

    def __call__(self, phase: str, x: Tensor) -> Tensor:
        if self.route.covers(phase):
            expert_weights, expert_ids = self.route(phase, x)
        else:
            expert_weights, expert_ids = self.choose(phase, self.score(phase, x))  # each [tokens, top_k]
        if self.block.covers(phase):
            return self.block(phase, x, expert_ids, expert_weights)
        if self.routed.covers(phase):
            routed = self.routed(phase, x, expert_ids, expert_weights)
        else:
            pairs = self.gate_up(phase, x, expert_ids)  # [tokens * top_k, 2 * inter]
            routed = self.down(phase, pairs, expert_ids, expert_weights)  # [tokens, hidden]
        shared = self.shared_down(phase, self.swiglu(phase, self.shared_gate_up(phase, x)))  # [tokens, hidden]
        return self.add(phase, routed, shared, self.shared_gate(phase, x))
