"""The raw weights of a standard decoder, drawn with a trained checkpoint's distribution (see `qwen3_5_moe.weights`)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import torch
from torch import Tensor

from ..qwen3_5_moe.weights import (
    BRANCH_GAIN,
    CHUNK,
    EMBEDDING_SIGMA,
    FINAL_NORM,
    GAIN,
    NORM_SIGMA,
    ROUTER_GAIN,
    ROW_SPREAD,
    Site,
    Weights,
    packed,
    stored,
)
from .parts import Kind, ModelDims, experts, linears, problem

BRANCH_OUTPUTS = ("attn_out", "moe_down", "mlp_down")


def random_weights(
    kind: Kind, dims: ModelDims, *, group: int, dense: Collection[str], dtype: torch.dtype, device: str, seed: int
) -> Weights:
    """Weights drawn on the device; a seed gives the same weights wherever the device and torch are the same.

    `top`: `tokens` (table), `final`, `lm_head`. `layers`: each with `ln_1`, `ln_2`, `attn_qkv`, `attn_out`, with
    `q_norm` and `k_norm` where the kind has them, and `router`, `moe_gate_up`, `moe_down` or `mlp_gate_up`, `mlp_down`.
    Norms are as the op takes them, around zero. Raises ValueError for sizes that make no model.
    """
    reason = problem(kind, dims, group, dense)
    if reason:
        raise ValueError(reason)
    generator = torch.Generator(device).manual_seed(seed)
    matrices, pools = linears(kind, dims), experts(kind, dims)

    def normal(shape: tuple[int, ...], sigma: float, mean: float = 0.0, kept: torch.dtype = dtype) -> Tensor:
        return torch.empty(shape, dtype=kept, device=device).normal_(mean, sigma, generator=generator)

    def rows(site: str, shape: tuple[int, ...]) -> Iterator[Tensor]:
        count, k = math.prod(shape[:-1]), shape[-1]
        gain = ROUTER_GAIN if site == "router" else BRANCH_GAIN if site in BRANCH_OUTPUTS else GAIN
        at_once = max(1, CHUNK // k)
        for start in range(0, count, at_once):
            here = min(at_once, count - start)
            spread = normal((here, 1), ROW_SPREAD, kept=torch.float32).exp_()
            yield normal((here, k), gain * k**-0.5, kept=torch.float32).mul_(spread)

    def linear(site: str) -> Site:
        shape = matrices[site]
        if site in dense:
            return stored(rows(site, shape), shape, dtype, device)
        return packed(rows(site, shape), shape, group, dtype, device)

    def layer() -> dict[str, Site]:
        hidden, head = (dims["hidden_size"],), (dims["head_dim"],)
        norms = {"ln_1": hidden, "ln_2": hidden, **({"q_norm": head, "k_norm": head} if kind.qk_norm else {})}
        sites = {name: {"weight": normal(shape, NORM_SIGMA)} for name, shape in norms.items()}
        sites |= {site: linear(site) for site in matrices if site != "lm_head"}
        return sites | {name: packed(rows(name, shape), shape, group, dtype, device) for name, shape in pools.items()}

    layers = tuple(layer() for _ in range(dims["num_hidden_layers"]))
    table = normal((dims["vocab_size"], dims["hidden_size"]), EMBEDDING_SIGMA)
    final = normal((dims["hidden_size"],), NORM_SIGMA, FINAL_NORM)
    return Weights({"tokens": {"table": table}, "final": {"weight": final}, "lm_head": linear("lm_head")}, layers)
