"""A worker's way to speak: messages on the real standard output, everything else that is printed on standard error."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from harness.runner.messages import FromWorker, to_line


class Outbox:
    """Takes over file descriptor 1, so that a stray `print` of a kernel cannot break the protocol."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._stream: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)

    def send(self, message: FromWorker) -> None:
        self._stream.write(to_line(message))
