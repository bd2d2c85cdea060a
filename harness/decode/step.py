"""One decode step over preallocated buffers, which an engine executes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Step:
    """One decode step over preallocated buffers, so that it can be captured: reads the token at the cursor from
    `stream`, writes the greedy choice behind it into `chosen`, advances.

    stream, chosen: [batch, steps + 1] int64. counter: [2] int64, cursor and position.
    """

    def __init__(self, decoder: Any, stream: Tensor, start: int) -> None:
        self.decoder = decoder
        self.stream = stream
        self.start = start
        self.chosen = torch.zeros_like(stream)
        self.counter = torch.tensor([0, start], dtype=torch.int64, device=stream.device)
        self.logits: Tensor | None = None

    def rewind(self, snapshot: dict[str, Tensor]) -> None:
        """Back to the end of the prompt."""
        self.decoder.restore(snapshot)
        self.counter.copy_(torch.tensor([0, self.start], dtype=torch.int64))

    def __call__(self) -> Tensor:
        cursor, position = self.counter[:1], self.counter[1:]
        tokens = self.stream.index_select(1, cursor).squeeze(1)
        logits: Tensor = self.decoder.decode(tokens, position)
        choice = self.decoder.sample(logits)
        self.counter += 1
        self.chosen.index_copy_(1, self.counter[:1], choice.unsqueeze(1))
        self.logits = logits
        return logits
