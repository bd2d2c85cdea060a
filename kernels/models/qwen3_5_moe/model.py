"""The Qwen3.5 MoE text decoder: three gated-delta layers to one of full attention, each followed by a mixture of experts.

Everything that computes is an op that was bound at construction; what is written here is the order and the views.
Names in shapes: B batch, T length, H hidden, D head_dim.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from ...contract import Ops
from .layout import FULL, Dims, conv_channels, layer_kinds, linear_op, rotary_dim
from .weights import Weights


def build(
    dims: Dims, weights: Weights, ops: Ops, *, batch: int, capacity: int, group: int, dtype: torch.dtype, device: str
) -> Decoder:
    """A decoder of `ops` on `weights`, with states for `batch` sequences of up to `capacity` tokens."""
    return Decoder(dims, weights, ops, batch, capacity, group, dtype, device)


class Decoder:
    """states: preallocated, changed in place only, so that a decode step can be captured in a CUDA graph."""

    def __init__(
        self, dims: Dims, weights: Weights, ops: Ops, batch: int, capacity: int, group: int, dtype: torch.dtype, device: str
    ) -> None:
        self.batch, self.capacity, self.device = batch, capacity, device
        self.states: dict[str, Tensor] = {}
        eps = float(dims["rms_norm_eps"])
        self.embed = ops.bind("embedding", "tokens", None, weights.model["embedding"])
        self.layers = []
        for index, kind in enumerate(layer_kinds(dims)):
            binder = _Binder(ops, index, weights.layers[index], group, eps, weights.dense)
            if kind == FULL:
                mixer: Any = Attention(dims, binder, self._kv_states(dims, index, dtype))
            else:
                mixer = GatedDelta(dims, binder, self._delta_states(dims, index, dtype))
            self.layers.append((binder.norm("ln_1", "ln"), mixer, binder.op("residual_add", "mixer"),
                                binder.norm("ln_2", "ln"), MoE(dims, binder), binder.op("residual_add", "moe")))  # fmt: skip
        last = _Binder(ops, None, weights.model, group, eps, weights.dense)
        self.final_norm, self.lm_head = last.norm("final", "final"), last.linear("lm_head")
        self.greedy = last.op("greedy", "main")

    def _kv_states(self, dims: Dims, index: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        shape = (self.batch, int(dims["num_key_value_heads"]), self.capacity, int(dims["head_dim"]))
        return self._state(f"{index}.k", shape, dtype), self._state(f"{index}.v", shape, dtype)

    def _delta_states(self, dims: Dims, index: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        conv = (self.batch, conv_channels(dims), int(dims["linear_conv_kernel_dim"]) - 1)
        sizes = ("linear_num_value_heads", "linear_key_head_dim", "linear_value_head_dim")
        recurrent = (self.batch, *(int(dims[size]) for size in sizes))
        return self._state(f"{index}.conv", conv, dtype), self._state(f"{index}.recurrent", recurrent, torch.float32)

    def _state(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        self.states[name] = torch.zeros(shape, dtype=dtype, device=self.device)
        return self.states[name]

    def reset(self) -> None:
        """Before the first token."""
        for state in self.states.values():
            state.zero_()

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of all states."""
        return {name: state.clone() for name, state in self.states.items()}

    def restore(self, snapshot: dict[str, Tensor]) -> None:
        for name, state in self.states.items():
            state.copy_(snapshot[name])

    def prefill(self, token_ids: Tensor, start: int = 0, every: bool = False) -> Tensor:
        """token_ids [B, T] at positions start..start+T-1 -> logits [B, vocab] of the last, or [B, T, vocab] of every one."""
        positions = torch.arange(start, start + token_ids.shape[1], device=self.device)
        return self._forward("prefill", token_ids, positions, every)

    def decode(self, token_ids: Tensor, position: Tensor) -> Tensor:
        """token_ids [B], position [1] int64 on the device -> logits [B, vocab]."""
        return self._forward("decode", token_ids.unsqueeze(1), position, False)

    def sample(self, logits: Tensor) -> Tensor:
        """logits [B, vocab] -> token ids [B]."""
        token_ids: Tensor = self.greedy("decode", logits)
        return token_ids

    def _forward(self, phase: str, token_ids: Tensor, positions: Tensor, every: bool) -> Tensor:
        batch, length = token_ids.shape
        x = self.embed(phase, token_ids.reshape(-1))  # [B*T, H]
        for ln_1, mixer, add_mixer, ln_2, moe, add_moe in self.layers:
            x = add_mixer(phase, x, mixer(phase, ln_1(phase, x), batch, length, positions))
            x = add_moe(phase, x, moe(phase, ln_2(phase, x)))
        if not every:
            x = x.view(batch, length, -1)[:, -1]
        logits: Tensor = self.lm_head(phase, self.final_norm(phase, x))
        return logits.view(batch, length, -1) if every else logits


class Attention:
    """Full attention with QK norm, partial rotary positions and an output gate; rows of qkv: all q, all gates, k, v."""

    def __init__(self, dims: Dims, binder: _Binder, states: tuple[Tensor, Tensor]) -> None:
        self.head_dim = int(dims["head_dim"])
        self.q_size = int(dims["num_attention_heads"]) * self.head_dim
        self.kv_size = int(dims["num_key_value_heads"]) * self.head_dim
        self.k_cache, self.v_cache = states
        self.qkv, self.out = binder.linear("attn_qkv"), binder.linear("attn_out")
        self.q_norm, self.k_norm = binder.norm("q_norm", "q_norm"), binder.norm("k_norm", "k_norm")
        self.rope = binder.op("rope", "main", rotary_dim=rotary_dim(dims), theta=int(dims["rope_theta"]))
        self.append, self.sdpa, self.gate = (binder.op(op, "main") for op in ("kv_append", "sdpa", "sigmoid_gate"))

    def __call__(self, phase: str, x: Tensor, batch: int, length: int, positions: Tensor) -> Tensor:
        q, gate, k, v = self.qkv(phase, x).split((self.q_size, self.q_size, self.kv_size, self.kv_size), dim=-1)
        heads = (batch, length, -1, self.head_dim)
        q = self.q_norm(phase, q.reshape(-1, self.head_dim)).view(heads)
        k = self.k_norm(phase, k.reshape(-1, self.head_dim)).view(heads)
        q, k = self.rope(phase, q, k, positions)  # [B, T, heads, D], [B, T, kv_heads, D]
        self.append(phase, k, v.view(heads), positions, self.k_cache, self.v_cache)
        y = self.sdpa(phase, q, self.k_cache, self.v_cache, positions).reshape(batch * length, self.q_size)
        result: Tensor = self.out(phase, self.gate(phase, y, gate))
        return result


class GatedDelta:
    """Gated delta rule behind a causal convolution; rows of the in-projection: qkv, z (output gate), b, a."""

    def __init__(self, dims: Dims, binder: _Binder, states: tuple[Tensor, Tensor]) -> None:
        self.conv_state, self.state = states
        self.v_heads, self.v_dim = int(dims["linear_num_value_heads"]), int(dims["linear_value_head_dim"])
        self.sizes = (conv_channels(dims), self.v_heads * self.v_dim, self.v_heads, self.v_heads)
        self.project, self.out = binder.linear("gdn_in"), binder.linear("gdn_out")
        self.conv = binder.op("causal_conv", "main", **binder.weights["conv"])
        k_heads = int(dims["linear_num_key_heads"])
        self.rule = binder.op("gated_delta_rule", "main", k_heads=k_heads, **binder.weights["delta"])
        self.norm = binder.op("gated_rms_norm", "main", eps=binder.eps, **binder.weights["gdn_norm"])

    def __call__(self, phase: str, x: Tensor, batch: int, length: int, positions: Tensor) -> Tensor:
        qkv, z, b, a = self.project(phase, x).view(batch, length, -1).split(self.sizes, dim=-1)
        qkv = self.conv(phase, qkv, self.conv_state)  # [B, T, channels]
        y = self.rule(phase, qkv, a, b, self.state)  # [B, T, v_heads, v_dim]
        y = self.norm(phase, y.reshape(-1, self.v_dim), z.reshape(-1, self.v_dim))
        result: Tensor = self.out(phase, y.view(batch * length, -1))
        return result


class MoE:
    """top_k routed experts and a shared one behind a sigmoid gate."""

    def __init__(self, dims: Dims, binder: _Binder) -> None:
        self.router = binder.linear("router")
        self.choose = binder.op("router", "main", top_k=int(dims["num_experts_per_tok"]))
        self.gate_up = binder.op("moe_gate_up", "experts", group=binder.group, **binder.weights["experts_gate_up"])
        self.down = binder.op("moe_down", "experts", group=binder.group, **binder.weights["experts_down"])
        self.shared_gate_up, self.shared_down = binder.linear("shared_gate_up"), binder.linear("shared_down")
        self.swiglu, self.shared_gate = binder.op("swiglu", "main"), binder.linear("shared_gate")
        self.add = binder.op("gated_add", "main")

    def __call__(self, phase: str, x: Tensor) -> Tensor:
        expert_weights, expert_ids = self.choose(phase, self.router(phase, x))  # [B*T, top_k] each
        gate_up = self.gate_up(phase, x, expert_ids)  # [B*T*top_k, 2*inter]
        routed = self.down(phase, gate_up, expert_ids, expert_weights)
        shared = self.shared_down(phase, self.swiglu(phase, self.shared_gate_up(phase, x)))
        result: Tensor = self.add(phase, routed, shared, self.shared_gate(phase, x))
        return result


class _Binder:
    """Binds the ops of one layer to its weights."""

    def __init__(self, ops: Ops, layer: int | None, weights: Any, group: int, eps: float, dense: Collection[str]) -> None:
        self._ops, self._layer, self._dense = ops, layer, dense
        self.weights, self.group, self.eps = weights, group, eps

    def op(self, op: str, site: str, **weights: Any) -> Any:
        return self._ops.bind(op, site, self._layer, weights)

    def norm(self, name: str, site: str) -> Any:
        return self.op("rms_norm", site, eps=self.eps, **self.weights[name])

    def linear(self, site: str) -> Any:
        op = linear_op(site, self._dense)
        return self.op(op, site, **self.weights[site], **({"group": self.group} if op == "int4_mm" else {}))
