"""Qwen3.5 MoE text decoder. Every computation is an op that the caller resolved; here is only what goes where.

`tokens` is batch * length, batch outermost. Slices of a fused projection stay strided views of it; only a norm over heads
takes rows, so that for several tokens its slice is copied. States are preallocated and updated in place, and a decode step
depends on no value on the host, so that it can be captured in a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...contract import Bound, Ops
from .layout import DELTA, ModelDims, attention_parts, delta_parts, layer_kinds, rotary_dim
from .weights import Site, Weights


def build(
    dims: ModelDims, weights: Weights, ops: Ops, *,
    batch: int, capacity: int, group: int, dtype: torch.dtype, device: str,
) -> Decoder:  # fmt: skip
    """A decoder with zeroed states for `batch` sequences of up to `capacity` positions; activations in `dtype`.

    A site is `linear` or `int4_mm` as its weights are: dense, or packed with a scale.
    """
    return Decoder(dims, weights, _Binder(ops, dims, group), batch, capacity, dtype, device)


class Decoder:
    """states: by name, `kv.3.k` [batch, kv_heads, capacity, head_dim], `conv.0` [batch, channels, kernel - 1], both in the
    activations' dtype, and `delta.0` [batch, v_heads, k_dim, v_dim] float32; the number is the layer's."""

    def __init__(
        self, dims: ModelDims, weights: Weights, bind: _Binder, batch: int, capacity: int, dtype: torch.dtype, device: str
    ) -> None:
        self.batch, self.capacity, self.device = batch, capacity, torch.device(device)
        self.states = _states(dims, batch, capacity, dtype, device)
        self._embed = bind("embedding", "tokens", None, weights.top["tokens"])
        self._layers = [_Layer(dims, bind, i, site, self.states) for i, site in enumerate(weights.layers)]
        self._norm = bind.norm("final", None, weights.top["final"])
        self._head = bind.linear("lm_head", None, weights.top["lm_head"])
        self._greedy = bind("greedy", "main", None, {})

    def prefill(self, token_ids: Tensor, start: int = 0, every: bool = False) -> Tensor:
        """token_ids [batch, length] at positions start.. -> logits of the last position [batch, vocab], or of every one
        [batch, length, vocab]. Continues from the states as they are; `reset` comes before a new text.

        Raises ValueError for another batch, or past the capacity.
        """
        batch, length = token_ids.shape
        if batch != self.batch or start + length > self.capacity:
            wanted = f"{self.batch} sequences of up to {self.capacity} positions"
            raise ValueError(f"prefill of {batch} x {length} tokens at position {start}: the decoder holds {wanted}")
        x = self._hidden("prefill", token_ids, torch.arange(start, start + length, device=self.device))
        if every:
            return self._logits("prefill", x).unflatten(0, (batch, length))
        return self._logits("prefill", x.unflatten(0, (batch, length))[:, -1])

    def decode(self, token_ids: Tensor, position: Tensor) -> Tensor:
        """token_ids [batch] int64 and their position [1] int64, on the device -> logits [batch, vocab]. The caller keeps
        the position below the capacity."""
        return self._logits("decode", self._hidden("decode", token_ids.unsqueeze(1), position))

    def sample(self, logits: Tensor) -> Tensor:
        """logits [batch, vocab] -> the most likely token ids [batch] int64."""
        return self._greedy("decode", logits)

    def reset(self) -> None:
        """Forgets every text."""
        for state in self.states.values():
            state.zero_()

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of the states."""
        return {name: state.clone() for name, state in self.states.items()}

    def restore(self, snapshot: Mapping[str, Tensor]) -> None:
        """Back to a snapshot, in place: captured graphs stay valid."""
        for name, state in self.states.items():
            state.copy_(snapshot[name])

    def _hidden(self, phase: str, token_ids: Tensor, positions: Tensor) -> Tensor:
        x = self._embed(phase, token_ids.flatten())  # [tokens, hidden]
        for layer in self._layers:
            x = layer(phase, x, positions)
        return x

    def _logits(self, phase: str, x: Tensor) -> Tensor:
        return self._head(phase, self._norm(phase, x))  # [tokens, hidden] -> [tokens, vocab]


class _Layer:
    def __init__(self, dims: ModelDims, bind: _Binder, i: int, sites: Mapping[str, Site], states: dict[str, Tensor]) -> None:
        mixer = _GatedDelta if layer_kinds(dims)[i] == DELTA else _Attention
        self.norm_1, self.norm_2 = bind.norm("ln", i, sites["ln_1"]), bind.norm("ln", i, sites["ln_2"])
        self.mix: _GatedDelta | _Attention = mixer(dims, bind, i, sites, states)
        self.experts = _Experts(dims, bind, i, sites)
        self.add_mixer, self.add_moe = bind("residual_add", "mixer", i, {}), bind("residual_add", "moe", i, {})

    def __call__(self, phase: str, x: Tensor, positions: Tensor) -> Tensor:
        x = self.add_mixer(phase, x, self.mix(phase, self.norm_1(phase, x), positions))
        return self.add_moe(phase, x, self.experts(phase, self.norm_2(phase, x)))  # [tokens, hidden]


class _GatedDelta:
    def __init__(self, dims: ModelDims, bind: _Binder, i: int, sites: Mapping[str, Site], states: dict[str, Tensor]) -> None:
        self.project = bind.linear("gdn_in", i, sites["gdn_in"])
        self.conv = bind("causal_conv", "main", i, sites["conv"])
        self.rule = bind("gated_delta_rule", "main", i, sites["delta"], k_heads=dims["linear_num_key_heads"])
        self.norm = bind("gated_rms_norm", "main", i, sites["gdn_norm"], eps=dims["rms_norm_eps"])
        self.out = bind.linear("gdn_out", i, sites["gdn_out"])
        self.parts, self.v_dim = delta_parts(dims), dims["linear_value_head_dim"]
        self.window, self.state = states[f"conv.{i}"], states[f"delta.{i}"]

    def __call__(self, phase: str, x: Tensor, positions: Tensor) -> Tensor:
        rows = self.project(phase, x).unflatten(0, (-1, len(positions)))  # [batch, length, channels + z + b + a]
        qkv, z, b, a = rows.split(self.parts, dim=-1)
        qkv = self.conv(phase, qkv, self.window)  # [batch, length, channels]
        y = self.rule(phase, qkv, a, b, self.state)  # [batch, length, v_heads, v_dim]
        y = self.norm(phase, y.reshape(-1, self.v_dim), z.reshape(-1, self.v_dim))  # [tokens * v_heads, v_dim]
        return self.out(phase, y.view(len(x), -1))  # [tokens, hidden]


class _Attention:
    def __init__(self, dims: ModelDims, bind: _Binder, i: int, sites: Mapping[str, Site], states: dict[str, Tensor]) -> None:
        self.project = bind.linear("attn_qkv", i, sites["attn_qkv"])
        self.q_norm, self.k_norm = bind.norm("q_norm", i, sites["q_norm"]), bind.norm("k_norm", i, sites["k_norm"])
        self.rope = bind("rope", "main", i, {}, rotary_dim=rotary_dim(dims), theta=dims["rope_theta"])
        self.append, self.attend = bind("kv_append", "main", i, {}), bind("sdpa", "main", i, {})
        self.gate = bind("sigmoid_gate", "main", i, {})
        self.out = bind.linear("attn_out", i, sites["attn_out"])
        self.heads, self.kv_heads = dims["num_attention_heads"], dims["num_key_value_heads"]
        self.parts, self.head_dim = attention_parts(dims), dims["head_dim"]
        self.caches = states[f"kv.{i}.k"], states[f"kv.{i}.v"]  # [batch, kv_heads, capacity, head_dim]

    def __call__(self, phase: str, x: Tensor, positions: Tensor) -> Tensor:
        q, gate, k, v = self.project(phase, x).split(self.parts, dim=-1)  # each [tokens, heads * head_dim]
        q = self.q_norm(phase, q.reshape(-1, self.head_dim)).unflatten(0, (-1, len(positions), self.heads))
        k = self.k_norm(phase, k.reshape(-1, self.head_dim)).unflatten(0, (-1, len(positions), self.kv_heads))
        v = v.unflatten(-1, (-1, self.head_dim)).unflatten(0, (-1, len(positions)))
        q, k = self.rope(phase, q, k, positions)  # each [batch, length, heads, head_dim]
        self.append(phase, k, v, positions, *self.caches)
        y = self.attend(phase, q, *self.caches, positions)  # [batch, length, heads, head_dim]
        return self.out(phase, self.gate(phase, y.reshape(gate.shape), gate))  # [tokens, hidden]


class _Experts:
    def __init__(self, dims: ModelDims, bind: _Binder, i: int, sites: Mapping[str, Site]) -> None:
        self.score = bind.linear("router", i, sites["router"])
        self.choose = bind("router", "main", i, {}, top_k=dims["num_experts_per_tok"])
        self.gate_up = bind("moe_gate_up", "experts", i, sites["moe_gate_up"], group=bind.group)
        self.down = bind("moe_down", "experts", i, sites["moe_down"], group=bind.group)
        self.shared_gate_up = bind.linear("shared_gate_up", i, sites["shared_gate_up"])
        self.swiglu = bind("swiglu", "main", i, {})
        self.shared_down = bind.linear("shared_down", i, sites["shared_down"])
        self.shared_gate = bind.linear("shared_gate", i, sites["shared_gate"])
        self.add = bind("gated_add", "main", i, {})

    def __call__(self, phase: str, x: Tensor) -> Tensor:
        expert_weights, expert_ids = self.choose(phase, self.score(phase, x))  # both [tokens, top_k]
        pairs = self.gate_up(phase, x, expert_ids)  # [tokens * top_k, 2 * inter]
        routed = self.down(phase, pairs, expert_ids, expert_weights)  # [tokens, hidden]
        shared = self.shared_down(phase, self.swiglu(phase, self.shared_gate_up(phase, x)))  # [tokens, hidden]
        return self.add(phase, routed, shared, self.shared_gate(phase, x))


class _Binder:
    """Gives an op its site, layer, weights and constants."""

    def __init__(self, ops: Ops, dims: ModelDims, group: int) -> None:
        self.ops, self.group, self.eps = ops, group, dims["rms_norm_eps"]

    def __call__(self, op: str, site: str, layer: int | None, weights: Site, **constants: Any) -> Bound:
        return self.ops.bind(op, site, layer, {**weights, **constants})

    def norm(self, site: str, layer: int | None, weights: Site) -> Bound:
        return self("rms_norm", site, layer, weights, eps=self.eps)

    def linear(self, site: str, layer: int | None, weights: Site) -> Bound:
        if "scale" in weights:
            return self("int4_mm", site, layer, weights, group=self.group)
        return self("linear", site, layer, weights)


def _states(dims: ModelDims, batch: int, capacity: int, dtype: torch.dtype, device: str) -> dict[str, Tensor]:
    """Zeroed, also the unused slots of a cache: an attention that masks scores would spread a NaN from them."""
    cache = (batch, dims["num_key_value_heads"], capacity, dims["head_dim"])
    window = (batch, delta_parts(dims)[0], dims["linear_conv_kernel_dim"] - 1)
    heads = (batch, dims["linear_num_value_heads"], dims["linear_key_head_dim"], dims["linear_value_head_dim"])
    states = {}
    for i, kind in enumerate(layer_kinds(dims)):
        if kind == DELTA:
            states[f"conv.{i}"] = torch.zeros(window, dtype=dtype, device=device)
            states[f"delta.{i}"] = torch.zeros(heads, dtype=torch.float32, device=device)
        else:
            states[f"kv.{i}.k"] = torch.zeros(cache, dtype=dtype, device=device)
            states[f"kv.{i}.v"] = torch.zeros(cache, dtype=dtype, device=device)
    return states
