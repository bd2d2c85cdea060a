"""A standard decoder. Every computation is an op that the caller resolved; this module only connects them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ...contract import Bound, Ops
from ..decoder import Bind, Decoder
from ..qwen3_5_moe.weights import Weights
from .parts import Kind, ModelDims, attention_parts


def build(
    kind: Kind, dims: ModelDims, weights: Weights, ops: Ops, *,
    batch: int, capacity: int, group: int, dtype: torch.dtype, device: str,
) -> StandardDecoder:  # fmt: skip
    """A decoder with zeroed caches for `batch` sequences of up to `capacity` positions; activations in `dtype`.

    A site is `linear` or `int4_mm` by its weights: dense, or packed with a scale.
    """
    cache = (batch, dims["num_key_value_heads"], capacity, dims["head_dim"])
    states = {
        f"{name}.{i}": torch.zeros(cache, dtype=dtype, device=device)
        for i in range(len(weights.layers)) for name in ("k", "v")
    }  # fmt: skip
    layers = [_Layer(kind, Bind(ops, dims, group, i, sites), states) for i, sites in enumerate(weights.layers)]
    return StandardDecoder(Bind(ops, dims, group, None, weights.top), layers, states, batch, capacity, device)


class StandardDecoder(Decoder):
    """`states`: `k.0` and `v.0` by layer, [batch, kv_heads, capacity, head_dim] in the activations' dtype."""

    def __init__(
        self, bind: Bind, layers: list[_Layer], states: dict[str, Tensor], batch: int, capacity: int, device: str
    ) -> None:
        super().__init__(states, batch, capacity, device, bind("greedy"))
        self._embed, self._layers = bind("embedding", "tokens", "tokens"), layers
        self._norm, self._head = bind.norm("final", "final"), bind.linear("lm_head")

    def _hidden(self, phase: str, token_ids: Tensor, positions: Tensor) -> tuple[Tensor]:
        x = self._embed(phase, token_ids.flatten())  # [tokens, hidden]
        for layer in self._layers:
            x = layer(phase, x, positions)
        return (x,)

    def _logits(self, phase: str, *hidden: Tensor) -> Tensor:
        logits: Tensor = self._head(phase, self._norm(phase, *hidden))
        return logits


class _Layer:
    def __init__(self, kind: Kind, bind: Bind, states: Mapping[str, Tensor]) -> None:
        self.norm_1, self.norm_2 = bind.norm("ln", "ln_1"), bind.norm("ln", "ln_2")
        self.attend = _Attention(kind, bind, states)
        self.mlp: _Experts | _Mlp = _Experts(bind) if kind.experts else _Mlp(bind)
        self.add_mixer, self.add_mlp = bind("residual_add", "mixer"), bind("residual_add", "mlp")

    def __call__(self, phase: str, x: Tensor, positions: Tensor) -> Tensor:
        x = self.add_mixer(phase, x, self.attend(phase, self.norm_1(phase, x), positions))
        return self.add_mlp(phase, x, self.mlp(phase, self.norm_2(phase, x)))  # [tokens, hidden]


class _Attention:
    def __init__(self, kind: Kind, bind: Bind, states: Mapping[str, Tensor]) -> None:
        dims = bind.dims
        self.project, self.out = bind.linear("attn_qkv"), bind.linear("attn_out")
        self.norms = (bind.norm("q_norm", "q_norm"), bind.norm("k_norm", "k_norm")) if kind.qk_norm else None
        self.rope = bind("rope", rotary_dim=dims["head_dim"], theta=dims["rope_theta"])
        self.append, self.attend = bind("kv_append"), bind("sdpa")
        self.parts, self.head_dim = attention_parts(dims), dims["head_dim"]
        self.caches = states[f"k.{bind.layer}"], states[f"v.{bind.layer}"]  # [batch, kv_heads, capacity, head_dim]

    def __call__(self, phase: str, x: Tensor, positions: Tensor) -> Tensor:
        length = len(positions)
        rows = self.project(phase, x).split(self.parts, dim=-1)  # q, k, v, each [tokens, heads * head_dim]
        q, k, v = (part.unflatten(-1, (-1, self.head_dim)) for part in rows)
        if self.norms is not None:
            q, k = (self._normed(phase, norm, part) for norm, part in zip(self.norms, (q, k), strict=True))
        q, k, v = (part.unflatten(0, (-1, length)) for part in (q, k, v))  # [batch, length, heads, head_dim]
        q, k = self.rope(phase, q, k, positions)
        self.append(phase, k, v, positions, *self.caches)
        y = self.attend(phase, q, *self.caches, positions)  # [batch, length, heads, head_dim]
        return self.out(phase, y.reshape(len(x), -1))  # [tokens, hidden]

    def _normed(self, phase: str, norm: Bound, part: Tensor) -> Tensor:
        rows = norm(phase, part.reshape(-1, self.head_dim))  # [tokens * heads, head_dim]
        return rows.view(part.shape)


class _Mlp:
    def __init__(self, bind: Bind) -> None:
        self.gate_up, self.swiglu, self.down = bind.linear("mlp_gate_up"), bind("swiglu"), bind.linear("mlp_down")

    def __call__(self, phase: str, x: Tensor) -> Tensor:
        return self.down(phase, self.swiglu(phase, self.gate_up(phase, x)))  # [tokens, hidden]


class _Experts:
    def __init__(self, bind: Bind) -> None:
        self.score, self.choose = bind.linear("router"), bind("router", top_k=bind.dims["num_experts_per_tok"])
        self.gate_up = bind("moe_gate_up", "experts", "moe_gate_up", group=bind.group)
        self.down = bind("moe_down", "experts", "moe_down", group=bind.group)

    def __call__(self, phase: str, x: Tensor) -> Tensor:
        expert_weights, expert_ids = self.choose(phase, self.score(phase, x))  # each [tokens, top_k]
        pairs = self.gate_up(phase, x, expert_ids)  # [tokens * top_k, 2 * inter]
        return self.down(phase, pairs, expert_ids, expert_weights)  # [tokens, hidden]
