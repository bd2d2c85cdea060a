"""A neighbour on a GPU: another stream that always has work."""

from __future__ import annotations

from collections import deque
from typing import Any

import torch

from harness.device.timer import Call

BUFFER_BYTES = 256 << 20
"""Read and written in 0.12 ms on an H200."""
SIDE = 4096
"""Side of square bfloat16 matrices whose product occupies all SMs of an H200 for 0.2 ms."""


AHEAD = 2
"""Pieces of work in the queue while a call is launched: 0.6 ms, where the launch takes the host 0.1 ms."""


class BusyStream:
    """Alternates two kinds of work: one fills the memory bus, the other the SMs.

    Blocks of a call start late, in another order, and meet other data in the cache.
    """

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()
        self._buffer = torch.zeros(BUFFER_BYTES // 4, dtype=torch.float32, device="cuda")
        self._matrix = torch.zeros(SIDE, SIDE, dtype=torch.bfloat16, device="cuda")
        self._out = torch.empty_like(self._matrix)
        self._turn = 0
        self._waiting: deque[torch.cuda.Event] = deque()
        self._stream.wait_stream(torch.cuda.current_stream())

    def beside(self, call: Call) -> Any:
        """The call's result once the device has finished it; its neighbour had work all the time, and still has."""
        self._feed()
        result, done = call(), torch.cuda.Event()
        done.record()
        while not done.query():
            self._feed()
        return result

    def _feed(self) -> None:
        """Queue work until `AHEAD` pieces are unfinished."""
        while self._waiting and self._waiting[0].query():
            self._waiting.popleft()
        with torch.cuda.stream(self._stream):
            while len(self._waiting) < AHEAD:
                self._turn += 1
                for _ in range(2):
                    if self._turn % 2:
                        self._buffer.add_(1.0)
                    else:
                        torch.mm(self._matrix, self._matrix, out=self._out)
                over = torch.cuda.Event()
                over.record(self._stream)
                self._waiting.append(over)
