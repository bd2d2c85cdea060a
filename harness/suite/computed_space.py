"""A sweep space that a variant's file computes: a worker imports the file and returns the result."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError
from harness.suite.nodes import Node, join
from harness.values.suite import OpSource
from harness.worker.process import WorkerDied, WorkerProcess

SERVICE = "harness.serving.computed_space"
LIMIT_S = 60.0
"""Seconds to import a file; torch alone takes several."""


class SpaceRequest(msgspec.Struct, frozen=True, tag=True):
    """A request for the space of a variant, as an arm names it."""

    op: str
    variant: str
    folder: str
    """The folder that relative names are relative to."""
    ops: dict[str, OpSource] = {}


class SpaceReply(msgspec.Struct, frozen=True, tag=True):
    """The space that a file computed."""

    space: Any
    """Dicts, lists, numbers, words, booleans and None; None where the file has no such name."""


def computed_space(asked: SpaceRequest, kernels_root: Path, place: Node) -> Node:
    """The space as nodes, all with the position of the space in the file. Raises HarnessError, one line with the file,
    where the import fails, takes too long or leaves no space."""
    worker = WorkerProcess(SERVICE, tree=Path(asked.folder), python=sys.executable, kernels_root=str(kernels_root))
    try:
        [reply] = worker.ask(asked, SpaceReply, LIMIT_S)
    except WorkerDied as death:
        raise place.error(f"it is computed, and importing the file failed: {death.reason}") from death
    except HarnessError as error:
        raise place.error(f"it is computed, and importing the file failed: {error}") from error
    finally:
        worker.close()
    if reply.space is None:
        raise place.error("importing the file leaves no such name")
    return _node(reply.space, place, place.path)


def _node(value: Any, place: Node, path: str) -> Node:
    if isinstance(value, dict):
        value = {str(key): _node(one, place, join(path, str(key))) for key, one in value.items()}
    elif isinstance(value, list):
        value = [_node(one, place, f"{path}[{number}]") for number, one in enumerate(value)]
    return Node(value, place.file, place.line, place.column, path)
