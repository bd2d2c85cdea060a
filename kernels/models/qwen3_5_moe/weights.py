"""The raw weights of the decoder, by layer and site, and how they are made at random.

Raw: as the ops' definitions take them, before any variant repacks them. A matrix is `{"weight": [n, k]}` in the
activations' dtype where it is dense, else `{"weight": [n, k/2] uint8, "scale": [n, k/group]}`; an expert pool has one
more dimension in front.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...packing import quantise
from .layout import DELTA, ModelDims, delta_parts, experts, layer_kinds, linears, problem

Site = dict[str, Tensor]
"""Tensors by the name of the op's input."""

CHUNK = 1 << 26
"""Elements quantised at a time: about 1 GB of float32 temporaries, and long enough to keep a GPU busy."""

GAIN = 0.9
"""A trained matrix of Qwen3.5's size has a standard deviation of about 0.02, which is 0.9 / sqrt(2048). Scaling by the
columns keeps activations as large in a small model."""
BRANCH_GAIN = 0.18
BRANCH_OUTPUTS = ("gdn_out", "attn_out", "moe_down", "shared_down")
EMBEDDING_SIGMA = 1.0
"""A layer changes the residual stream by some 10 %, as after training, instead of replacing it. Rounding to bfloat16
then moves the logits by 3 to 5 % over 40 layers; with branches as large as the stream it moved them by 90 %."""
ROUTER_GAIN = 2.0
"""Router logits with a standard deviation of 2: the first of 8 chosen experts gets about 0.3 of the weight, as after
training, and the eighth is a clear step above the ninth."""
ROW_SPREAD = 0.2
"""Rows of a trained matrix differ in size by some 20 %, so scales differ too."""
FINAL_NORM = 1.5
"""The last norm enlarges its input, so that logits have a standard deviation above 2 and the best token stands out."""
NORM_SIGMA = 0.1
RATE_RANGE = (0.01, 16.0)
STEP_RANGE = (1e-3, 1e-1)
"""A is uniform, as where training starts, and the time step log-uniform, as in Mamba: heads remember for less than one
to some ten thousand tokens."""


@dataclass(frozen=True)
class Weights:
    """`top`: `tokens` (table), `final`, `lm_head`. `layers`: each with `ln_1`, `ln_2`, `router`, `moe_gate_up`,
    `moe_down`, `shared_gate_up`, `shared_down`, `shared_gate` and, by its kind, `gdn_in`, `conv`, `delta` (a_log,
    dt_bias), `gdn_norm`, `gdn_out` or `attn_qkv`, `q_norm`, `k_norm`, `attn_out`.
    """

    top: dict[str, Site]
    layers: tuple[dict[str, Site], ...]


def random_weights(
    dims: ModelDims, *, group: int, dense: Collection[str], dtype: torch.dtype, device: str, seed: int
) -> Weights:
    """Weights with a trained checkpoint's distribution, drawn on the device. A seed gives the same weights wherever the
    device and torch are the same.

    Raises ValueError for sizes that make no model.
    """
    reason = problem(dims, group, dense)
    if reason:
        raise ValueError(reason)
    draw = _Draw(dims, group, dense, dtype, device, seed)
    layers = tuple(draw.layer(kind) for kind in layer_kinds(dims))
    table = draw.normal((dims["vocab_size"], dims["hidden_size"]), EMBEDDING_SIGMA, dtype=dtype)
    final = draw.normal((dims["hidden_size"],), NORM_SIGMA, FINAL_NORM, dtype)
    return Weights({"tokens": {"table": table}, "final": {"weight": final}, "lm_head": draw.linear("lm_head")}, layers)


def packed(pieces: Iterable[Tensor], shape: tuple[int, ...], group: int, dtype: torch.dtype, device: str) -> Site:
    """Rows [r, k] that come piece by piece -> int4 matrices of `shape` [.., n, k]; scales in `dtype`."""
    rows, k = math.prod(shape[:-1]), shape[-1]
    weight = torch.empty(rows, k // 2, dtype=torch.uint8, device=device)
    scale = torch.empty(rows, k // group, dtype=dtype, device=device)
    start = 0
    for piece in pieces:
        stop = start + len(piece)
        weight[start:stop], scale[start:stop] = quantise(piece.to(device, torch.float32), group, dtype)
        start = stop
    if start != rows:
        raise ValueError(f"{start} rows for a matrix of {rows}")
    return {"weight": weight.view(*shape[:-1], -1), "scale": scale.view(*shape[:-1], -1)}


def stored(pieces: Iterable[Tensor], shape: tuple[int, ...], dtype: torch.dtype, device: str) -> Site:
    """Rows [r, k] that come piece by piece -> one dense matrix of `shape` [n, k] in `dtype`."""
    return {"weight": torch.cat([piece.to(device, dtype) for piece in pieces]).view(shape)}


class _Draw:
    def __init__(
        self, dims: ModelDims, group: int, dense: Collection[str], dtype: torch.dtype, device: str, seed: int
    ) -> None:
        self.dims, self.group, self.dense, self.dtype, self.device = dims, group, dense, dtype, device
        self.generator = torch.Generator(device).manual_seed(seed)
        self.linears, self.experts = linears(dims), experts(dims)

    def layer(self, kind: str) -> dict[str, Site]:
        hidden = (self.dims["hidden_size"],)
        sites = self._delta() if kind == DELTA else self._attention()
        for name in ("ln_1", "ln_2"):
            sites[name] = {"weight": self.normal(hidden, NORM_SIGMA, dtype=self.dtype)}
        for name in ("router", "shared_gate_up", "shared_down", "shared_gate"):
            sites[name] = self.linear(name)
        for name, shape in self.experts.items():
            sites[name] = packed(self._rows(name, shape), shape, self.group, self.dtype, self.device)
        return sites

    def linear(self, site: str) -> Site:
        shape = self.linears[site]
        if site in self.dense:
            return stored(self._rows(site, shape), shape, self.dtype, self.device)
        return packed(self._rows(site, shape), shape, self.group, self.dtype, self.device)

    def normal(
        self, shape: tuple[int, ...], sigma: float, mean: float = 0.0, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        return torch.empty(shape, dtype=dtype, device=self.device).normal_(mean, sigma, generator=self.generator)

    def uniform(self, size: int, low: float, high: float) -> Tensor:
        return torch.empty(size, device=self.device).uniform_(low, high, generator=self.generator)

    def _rows(self, site: str, shape: tuple[int, ...]) -> Iterator[Tensor]:
        """All rows of the site's [.., n, k], float32, in pieces of at most CHUNK elements."""
        rows, k = math.prod(shape[:-1]), shape[-1]
        gain = ROUTER_GAIN if site == "router" else BRANCH_GAIN if site in BRANCH_OUTPUTS else GAIN
        at_once = max(1, CHUNK // k)
        for start in range(0, rows, at_once):
            count = min(at_once, rows - start)
            yield self.normal((count, k), gain * k**-0.5).mul_(self.normal((count, 1), ROW_SPREAD).exp_())

    def _delta(self) -> dict[str, Site]:
        channels, _, v_heads, _ = delta_parts(self.dims)
        kernel = self.dims["linear_conv_kernel_dim"]
        rate = self.uniform(v_heads, *RATE_RANGE)
        step = self.uniform(v_heads, *(math.log(step) for step in STEP_RANGE)).exp()
        return {
            "gdn_in": self.linear("gdn_in"),
            "conv": {"weight": self.normal((channels, kernel), kernel**-0.5, dtype=self.dtype)},
            "delta": {"a_log": rate.log(), "dt_bias": step.expm1().log()},  # softplus(dt_bias) is the step
            "gdn_norm": {"weight": self.normal((self.dims["linear_value_head_dim"],), NORM_SIGMA, 1.0, self.dtype)},
            "gdn_out": self.linear("gdn_out"),
        }

    def _attention(self) -> dict[str, Site]:
        head = (self.dims["head_dim"],)
        return {
            "attn_qkv": self.linear("attn_qkv"),
            "q_norm": {"weight": self.normal(head, NORM_SIGMA, dtype=self.dtype)},
            "k_norm": {"weight": self.normal(head, NORM_SIGMA, dtype=self.dtype)},
            "attn_out": self.linear("attn_out"),
        }
