"""The base of every decoder here: states updated in place, a prefill and a decode step over them, ops by site.

`tokens` is batch * length, batch outermost. A decode step depends on no value on the host, so that it can be captured
in a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..contract import Bound, Ops

Site = Mapping[str, Tensor]
"""The tensors of one site by the op's own names."""
WeightsOfOp = str | Mapping[str, tuple[str, str]] | None
"""The tensors of one site, or by the op's own names the site and tensor of each."""


class Decoder:
    """`states`: by name and layer, preallocated; an architecture defines them. Its `_hidden` turns token ids into the
    tensors [tokens, hidden] that its `_logits` turns into logits [tokens, vocab].
    """

    def __init__(self, states: dict[str, Tensor], batch: int, capacity: int, device: str, greedy: Bound) -> None:
        self.states = states
        self._batch, self._capacity, self._device, self._greedy = batch, capacity, device, greedy

    def _hidden(self, phase: str, token_ids: Tensor, positions: Tensor) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _logits(self, phase: str, *hidden: Tensor) -> Tensor:
        raise NotImplementedError

    def prefill(self, token_ids: Tensor, start: int = 0, every: bool = False) -> Tensor:
        """token_ids [batch, length] at positions start.. -> logits of the last position [batch, vocab], or of every one
        [batch, length, vocab]. It continues from the current states: call `reset` before another text.

        Raises ValueError for another batch, or past the capacity.
        """
        batch, length = token_ids.shape
        if batch != self._batch or start + length > self._capacity:
            held = f"the decoder holds {self._batch} x {self._capacity}"
            raise ValueError(f"prefill of {batch} x {length} tokens at position {start}: {held}")
        hidden = self._hidden("prefill", token_ids, torch.arange(start, start + length, device=self._device))
        if every:
            return self._logits("prefill", *hidden).unflatten(0, (batch, length))
        return self._logits("prefill", *(part.unflatten(0, (batch, length))[:, -1] for part in hidden))

    def decode(self, token_ids: Tensor, position: Tensor) -> Tensor:
        """token_ids [batch] int64 and their position [1] int64, on the device -> logits [batch, vocab]. The caller
        keeps the position below the capacity."""
        return self._logits("decode", *self._hidden("decode", token_ids.unsqueeze(1), position))

    def sample(self, logits: Tensor) -> Tensor:
        """logits [batch, vocab] -> the most likely token ids [batch] int64."""
        chosen: Tensor = self._greedy("decode", logits)
        return chosen

    def reset(self) -> None:
        """Clear all sequences from the states."""
        for state in self.states.values():
            state.zero_()

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of the states."""
        return {name: state.clone() for name, state in self.states.items()}

    def restore(self, snapshot: Mapping[str, Tensor]) -> None:
        """Restore a snapshot in place: captured graphs stay valid."""
        for name, state in self.states.items():
            state.copy_(snapshot[name])


class Bind:
    """Binds ops of one layer (None: outside the layers) to their site, weights and constants."""

    def __init__(
        self, ops: Ops, dims: Mapping[str, Any], group: int, layer: int | None, sites: Mapping[str, Site]
    ) -> None:
        self.dims, self.group, self.layer = dims, group, layer
        self._ops, self._sites = ops, sites

    def __call__(self, op: str, site: str = "main", weights: WeightsOfOp = None, **constants: Any) -> Bound:
        if isinstance(weights, str):
            tensors = dict(self._sites[weights])
        else:  # of several sites; one that is packed otherwise has no such tensor, and no arm chooses the op there
            named = (weights or {}).items()
            tensors = {name: self._sites[at][part] for name, (at, part) in named if part in self._sites[at]}
        return self._ops.bind(op, site, self.layer, {**tensors, **constants})

    def norm(self, site: str, weights: str) -> Bound:
        return self("rms_norm", site, weights, eps=self.dims["rms_norm_eps"])

    def linear(self, site: str) -> Bound:
        """`linear` or `int4_mm`, by the weights of the site: dense, or packed with a scale."""
        packed = "scale" in self._sites[site]
        return self("int4_mm", site, site, group=self.group) if packed else self("linear", site, site)
