"""A neighbour on a GPU: another stream that always has work."""

from __future__ import annotations

from typing import Any

import torch

from harness.device.timer import Call

BUFFER_BYTES = 256 << 20
"""Read and written in 0.12 ms on an H200."""
SIDE = 4096
"""Of square bfloat16 matrices, whose product keeps all SMs of an H200 for 0.2 ms."""


class BusyStream:
    """Two kinds of work in turn: one that fills the memory bus, one that fills the SMs. Both lie before a call, 0.6 ms,
    since launching them takes the host 0.1 ms: work of 0.15 ms was over when a product began beside it. Blocks of the
    call start late, in another order, and meet other data in the cache."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()
        self._buffer = torch.zeros(BUFFER_BYTES // 4, dtype=torch.float32, device="cuda")
        self._matrix = torch.zeros(SIDE, SIDE, dtype=torch.bfloat16, device="cuda")
        self._out = torch.empty_like(self._matrix)
        self._turn = 0
        self._idle = torch.cuda.Event()
        self._stream.wait_stream(torch.cuda.current_stream())

    def beside(self, call: Call) -> Any:
        """What the call returns, when the device is through with it; its neighbour had work all the while."""
        self._feed()
        self._feed()
        result, done = call(), torch.cuda.Event()
        done.record()
        while not done.query():
            if self._idle.query():
                self._feed()
        torch.cuda.synchronize()
        return result

    def _feed(self) -> None:
        self._turn += 1
        with torch.cuda.stream(self._stream):
            for _ in range(2):
                if self._turn % 2:
                    self._buffer.add_(1.0)
                else:
                    torch.mm(self._matrix, self._matrix, out=self._out)
            self._idle.record(self._stream)
