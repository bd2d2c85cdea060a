"""The names of the engines that execute a decode step; `harness.decode.engines` has what they stand for."""

from typing import get_args

from harness.values.suite import Engine

ENGINES: tuple[str, ...] = get_args(Engine)
