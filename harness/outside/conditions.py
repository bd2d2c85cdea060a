"""Conditions of the GPU while a program runs on it."""

from __future__ import annotations

import threading
from typing import Self

import msgspec

from harness.device.nvml import ConditionsReader
from harness.values.measurement import Conditions

EVERY_S = 1.0


class ConditionsWatch:
    """Samples the GPU once a second for as long as its `with` block lasts; does nothing without a GPU. It does not
    check for other processes on the GPU: the measured program is one, or several, of them."""

    def __init__(self, uuid: str | None, process: int) -> None:
        self._reader = ConditionsReader(uuid) if uuid else None
        self._process = process
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self.conditions: list[Conditions] = []

    def _watch(self, reader: ConditionsReader) -> None:
        while not self._ends.wait(EVERY_S):
            seen = reader.read(self._process, len(self.conditions))
            self.conditions.append(msgspec.structs.replace(seen, other_processes=0))

    def __enter__(self) -> Self:
        if self._reader is not None:
            self._thread = threading.Thread(target=self._watch, args=(self._reader,), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        if self._thread is not None:
            self._thread.join()
