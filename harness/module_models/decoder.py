"""A decoder over a user's module: the interface that steps, engines and checks use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from harness.errors import CaseFailed

Snapshot = dict[str, Any]
"""A copy of each state by its name, and of the values that the module keeps on the host."""


class Decodes(Protocol):
    """A module with states of its own. `states`: by name, everything that a step changes, updated in place.

    `prefill`: token_ids [batch, length] int64 at positions start.. -> logits [batch, length, vocab], or of the last
    positions alone. `decode`: token_ids [batch] int64 at position [1] int64 -> logits [batch, vocab].
    """

    states: dict[str, Tensor]

    def prefill(self, token_ids: Tensor, start: int) -> Tensor: ...

    def decode(self, token_ids: Tensor, position: Tensor) -> Tensor: ...


class ModuleDecoder:
    """`module`: built for this batch and capacity. Raises ValueError for another batch, or past the capacity."""

    def __init__(self, module: Decodes, batch: int, capacity: int) -> None:
        self.module, self._batch, self._capacity = module, batch, capacity

    @property
    def states(self) -> dict[str, Tensor]:
        return self.module.states

    def prefill(self, token_ids: Tensor, start: int = 0, every: bool = False) -> Tensor:
        """token_ids [batch, length] at positions start.. -> logits of the last position [batch, vocab].

        `every`: of every position, [batch, length, vocab]. After a start above 0 they come from single steps, since a
        module need not be able to go on from a cache with several tokens.
        """
        batch, length = token_ids.shape
        if batch != self._batch or start + length > self._capacity:
            held = f"the decoder holds {self._batch} x {self._capacity}"
            raise ValueError(f"prefill of {batch} x {length} tokens at position {start}: {held}")
        if every and start:
            at = torch.arange(start, start + length, device=token_ids.device)
            return torch.stack([self.decode(token_ids[:, i], at[i : i + 1]) for i in range(length)], dim=1)
        logits = _checked("prefill", self.module.prefill(token_ids, start), 3, batch)
        return logits if every else logits[:, -1]

    def decode(self, token_ids: Tensor, position: Tensor) -> Tensor:
        """token_ids [batch] int64 and their position [1] int64, on the device -> logits [batch, vocab]."""
        return _checked("decode", self.module.decode(token_ids, position), 2, self._batch)

    def sample(self, logits: Tensor) -> Tensor:
        """logits [batch, vocab] -> the most likely token ids [batch] int64."""
        return logits.argmax(dim=-1)

    def reset(self) -> None:
        """Clear all sequences from the states."""
        for state in self.states.values():
            state.zero_()

    def snapshot(self) -> Snapshot:
        """A copy of the states."""
        return {name: state.clone() for name, state in self.states.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a snapshot in place: captured graphs stay valid."""
        for name, state in self.states.items():
            state.copy_(snapshot[name])


def _checked(name: str, logits: Any, dims: int, batch: int) -> Tensor:
    """The logits. Raises CaseFailed for anything else that a module returned."""
    if not isinstance(logits, Tensor):
        raise CaseFailed(f"{name} returned {type(logits).__name__}, wanted: a tensor of logits")
    if logits.dim() != dims or logits.shape[0] != batch:
        wanted = f"[{batch}, length, vocab]" if dims == 3 else f"[{batch}, vocab]"
        raise CaseFailed(f"{name} returned logits {list(logits.shape)}, wanted: {wanted}")
    return logits
