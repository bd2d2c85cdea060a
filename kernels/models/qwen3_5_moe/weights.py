"""The weights of a Qwen3.5 MoE decoder on the device, as its ops take them; from a checkpoint or drawn by a seed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...packing import quantise
from .layout import FULL, Dims, conv_channels, layer_kinds, linear_op, matrices

EXPERTS_AT_ONCE = 64
"""So many experts are held in float32 while they are quantised: 64 x 1024 x 2048 x 4 bytes = 0.5 GB of the largest model."""


@dataclass(frozen=True)
class Weights:
    """model: `embedding`, `final`, `lm_head`. layers: for each layer, by site or op, the tensors under the names of the op's
    inputs. dense: sites whose matrix is not packed."""

    model: dict[str, dict[str, Tensor]]
    layers: list[dict[str, dict[str, Tensor]]]
    dense: tuple[str, ...]


class Source(Protocol):
    """Where tensors come from, layer None being the model itself. Matrices and experts in any float dtype on the device."""

    def matrix(self, layer: int | None, site: str) -> Tensor:
        """[n, k] of a linear layer, rows in the order of the site; or the table of `embedding`."""
        ...

    def experts(self, layer: int, name: str, first: int, count: int) -> Tensor:
        """`gate_up` [count, 2 inter, hidden] or `down` [count, hidden, inter] of consecutive experts."""
        ...

    def vector(self, layer: int | None, name: str) -> Tensor:
        """ln_1, ln_2, q_norm, k_norm, final, gdn_norm, a_log, dt_bias; or conv [channels, kernel]."""
        ...


def assemble(
    dims: Dims, source: Source, *, group: int, dense: Collection[str], dtype: torch.dtype, device: str
) -> Weights:
    """All weights of a source, packed tensor by tensor so that little more than the packed ones is held at once."""

    def linear(layer: int | None, site: str) -> dict[str, Tensor]:
        matrix = source.matrix(layer, site)
        if linear_op(site, dense) == "linear":
            return {"weight": matrix.to(dtype)}
        weight, scale = quantise(matrix.float(), group, dtype)
        return {"weight": weight, "scale": scale}

    def experts(layer: int, name: str) -> dict[str, Tensor]:
        parts = [quantise(part.float(), group, dtype) for part in _expert_parts(dims, source, layer, name)]
        return {"weight": torch.cat([weight for weight, _ in parts]), "scale": torch.cat([scale for _, scale in parts])}

    def norm(layer: int | None, name: str) -> dict[str, Tensor]:
        return {"weight": source.vector(layer, name).to(dtype)}

    layers = []
    for index, kind in enumerate(layer_kinds(dims)):
        tensors: dict[str, dict[str, Tensor]] = {"ln_1": norm(index, "ln_1"), "ln_2": norm(index, "ln_2")}
        if kind == FULL:
            tensors |= {name: norm(index, name) for name in ("q_norm", "k_norm")}
            tensors |= {site: linear(index, site) for site in ("attn_qkv", "attn_out")}
        else:
            tensors |= {site: linear(index, site) for site in ("gdn_in", "gdn_out")}
            tensors |= {"conv": norm(index, "conv"), "gdn_norm": norm(index, "gdn_norm")}
            tensors["delta"] = {name: source.vector(index, name).float() for name in ("a_log", "dt_bias")}
        tensors |= {f"experts_{name}": experts(index, name) for name in ("gate_up", "down")}
        tensors |= {site: linear(index, site) for site in ("router", "shared_gate", "shared_gate_up", "shared_down")}
        layers.append(tensors)
    model = {
        "embedding": {"table": source.matrix(None, "embedding").to(dtype)},
        "final": norm(None, "final"),
        "lm_head": linear(None, "lm_head"),
    }
    return Weights(model, layers, tuple(dense))


def _expert_parts(dims: Dims, source: Source, layer: int, name: str) -> Iterator[Tensor]:
    experts = int(dims["num_experts"])
    for first in range(0, experts, EXPERTS_AT_ONCE):
        yield source.experts(layer, name, first, min(EXPERTS_AT_ONCE, experts - first))


def random_weights(
    dims: Dims, *, group: int, dense: Collection[str], dtype: torch.dtype, device: str, seed: int
) -> Weights:
    """Weights drawn by a seed, distributed as a checkpoint's: the same on every run of one device kind."""
    return assemble(dims, RandomSource(dims, device, seed), group=group, dense=dense, dtype=dtype, device=device)


class RandomSource:
    """Gaussian matrices that keep the size of what they multiply, a router whose choice is clear, decays from slow to fast."""

    GAIN = 0.9
    """Standard deviation times sqrt(k); 0.02 for k = 2048, the published `initializer_range`."""
    ROUTER_GAIN = 2.0
    """Logits of this spread give the top 8 of 256 experts the weights from about 0.3 to 0.05 that trained routers give."""

    def __init__(self, dims: Dims, device: str, seed: int) -> None:
        self._dims, self._device = dims, device
        self._generator = torch.Generator(device=device).manual_seed(seed)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator, device=self._device)

    def matrix(self, layer: int | None, site: str) -> Tensor:
        if site == "embedding":
            return self._normal(int(self._dims["vocab_size"]), int(self._dims["hidden_size"]))
        n, k = matrices(self._dims)[site]
        return self._normal(n, k).mul_((self.ROUTER_GAIN if site == "router" else self.GAIN) * k**-0.5)

    def experts(self, layer: int, name: str, first: int, count: int) -> Tensor:
        hidden, inter = int(self._dims["hidden_size"]), int(self._dims["moe_intermediate_size"])
        n, k = (2 * inter, hidden) if name == "gate_up" else (hidden, inter)
        return self._normal(count, n, k).mul_(self.GAIN * k**-0.5)

    def vector(self, layer: int | None, name: str) -> Tensor:
        dims = self._dims
        heads, width = int(dims["linear_num_value_heads"]), int(dims["hidden_size"])
        if name == "a_log":
            return torch.rand(heads, generator=self._generator, device=self._device).mul_(15.99).add_(0.01).log_()
        if name == "dt_bias":
            return self._normal(heads) - 3
        if name == "conv":
            kernel = int(dims["linear_conv_kernel_dim"])
            return self._normal(conv_channels(dims), kernel).mul_(kernel**-0.5)
        if name == "gdn_norm":
            return 1 + 0.1 * self._normal(int(dims["linear_value_head_dim"]))
        return 0.1 * self._normal(int(dims["head_dim"]) if name in ("q_norm", "k_norm") else width)
