"""Float32 definition of the embedding."""

from __future__ import annotations

from torch import Tensor


def run(token_ids: Tensor, table: Tensor) -> Tensor:
    """token_ids [tokens] int64, table [vocab, hidden] -> [tokens, hidden]."""
    return table[token_ids].float()
