"""One decode step over preallocated buffers, which an engine executes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.decode.arm_ops import ArmOps
from harness.values.case import Tunables


@dataclass(frozen=True)
class Ahead:
    """The inputs of an engine that compiles a step ahead of time.

    `weights`: every tensor that the step reads beside its states, by name. `ops`: the arm's, whose Triton variants
    become operators; None where the model has none of ours. `keep`: folder that the processes of a run share; one
    compiles, the others load the result. `entries`: by place (`op@site`), the configurations that Inductor may choose
    from; a place without entries has the arm's own baked in. `compiles`: how often a package is compiled, to see
    whether it chooses the same.
    """

    weights: Mapping[str, Tensor]
    ops: ArmOps | None = None
    keep: Path | None = None
    entries: Mapping[str, Sequence[Tunables]] = field(default_factory=dict)
    compiles: int = 1


class Step:
    """One decode step over preallocated buffers, so that it can be captured.

    It reads the token at the cursor from `stream`, writes the greedy choice after it into `chosen`, and advances.

    `stream`, `chosen`: [batch, steps + 1] int64. `counter`: [2] int64, cursor and position.
    """

    def __init__(self, decoder: Any, stream: Tensor, start: int, ahead: Ahead | None = None) -> None:
        self.decoder, self.ahead = decoder, ahead
        self.stream = stream
        self.start = start
        self.chosen = torch.zeros_like(stream)
        self.counter = torch.tensor([0, start], dtype=torch.int64, device=stream.device)
        self.logits: Tensor | None = None
        self.rewound: list[Callable[[], None]] = []
        """Called after each rewind, by an engine with states of its own."""

    def rewind(self, snapshot: dict[str, Tensor]) -> None:
        """Return to the end of the prompt."""
        self.decoder.restore(snapshot)
        self.counter.copy_(torch.tensor([0, self.start], dtype=torch.int64))
        for restore in self.rewound:
            restore()

    def __call__(self) -> Tensor:
        cursor, position = self.counter[:1], self.counter[1:]
        tokens = self.stream.index_select(1, cursor).squeeze(1)
        logits: Tensor = self.decoder.decode(tokens, position)
        choice = self.decoder.sample(logits)
        self.counter += 1
        self.chosen.index_copy_(1, self.counter[:1], choice.unsqueeze(1))
        self.logits = logits
        return logits
