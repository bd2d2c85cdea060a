"""A plain torch module as a model: its states, `prefill` and `decode` are all that is asked of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RunningSum(nn.Module):
    """Each position sees the mean of all tokens so far."""

    def __init__(self, vocab_size: int, hidden_size: int, batch: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.table = nn.Embedding(vocab_size, hidden_size)
        self.head = nn.Linear(hidden_size, vocab_size, bias=False)
        self.states = {"sum": torch.zeros(batch, hidden_size)}

    def prefill(self, token_ids: Tensor, start: int) -> Tensor:
        """token_ids [batch, length] at positions start.. -> logits [batch, length, vocab]."""
        at = torch.arange(start + 1, start + 1 + token_ids.shape[1], device=token_ids.device)
        sums = self.table(token_ids).float().cumsum(1) + self.states["sum"][:, None]
        self.states["sum"].copy_(sums[:, -1])
        return self._logits(sums / at[:, None].sqrt())

    def decode(self, token_ids: Tensor, position: Tensor) -> Tensor:
        """token_ids [batch] at position [1] -> logits [batch, vocab]. Asks the host nothing: it can be captured."""
        self.states["sum"] += self.table(token_ids).float()
        return self._logits(self.states["sum"] / (position + 1).sqrt())

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.tanh(hidden).to(self.head.weight.dtype))
        return logits


def build(vocab_size: int, hidden_size: int, batch: int, dtype: torch.dtype, device: str) -> nn.Module:
    """`vocab_size` and `hidden_size` are the suite's `config:`, the others the harness's."""
    module = RunningSum(vocab_size, hidden_size, batch).to(device, dtype)
    module.states = {name: state.to(device) for name, state in module.states.items()}
    return module
