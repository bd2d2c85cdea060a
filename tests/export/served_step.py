"""A server of completions that decodes for each request: the stub of the servers' tests over a suite's own model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from harness.decode.suite_model import SuiteModel
from harness.device.choice import open_device
from harness.plan import expand
from harness.suite.load import load_suite
from tests.outside.server import Stub


class ServedStep(Stub):
    """Streams the greedy text of an arm; `answered`: each prompt with the ids that were streamed for it."""

    def __init__(self, suite: Path, arm: str) -> None:
        super().__init__(0, 0.0, 0.0)
        self.model, self.arm = SuiteModel(expand(load_suite(suite), arms=[arm]), open_device()), arm
        self.answered: list[tuple[list[int], list[int]]] = []

    @torch.no_grad()
    def texts(self, prompt: list[int], tokens: int) -> Iterator[str]:
        decoder, _ = self.model.arm(self.arm, 1, len(prompt) + tokens)
        ids: list[int] = []
        self.answered.append((prompt, ids))
        logits = decoder.prefill(torch.tensor([prompt]))
        for position in range(len(prompt), len(prompt) + tokens):
            chosen = decoder.sample(logits)
            ids.append(int(chosen))
            yield f" {ids[-1]}"
            logits = decoder.decode(chosen, torch.tensor([position]))


@contextmanager
def served(suite: Path, arm: str) -> Iterator[ServedStep]:
    server = ServedStep(suite, arm)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
