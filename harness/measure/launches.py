"""Counts the Triton kernels that run in Triton's interpreter: an interpreted run has no meaningful speed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class InterpretedLaunches:
    """count: launches so far, while `watched`."""

    count = 0

    @contextmanager
    def watched(self) -> Iterator[InterpretedLaunches]:
        """Count while open; without Triton there is nothing to count."""
        try:
            from triton.runtime.interpreter import GridExecutor
        except ImportError:
            yield self
            return
        launch = GridExecutor.__call__

        def counted(executor: Any, *arguments: Any, **keywords: Any) -> Any:
            self.count += 1
            return launch(executor, *arguments, **keywords)

        GridExecutor.__call__ = counted
        try:
            yield self
        finally:
            GridExecutor.__call__ = launch
