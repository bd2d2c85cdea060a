"""The rank of this process in its job, and the folder in which its ranks meet."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

import msgspec

from harness.errors import HarnessError

MEETING = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE")
"""Variables of torchrun that are alike in all ranks of one start."""


class Place(msgspec.Struct, frozen=True):
    """rank of world_size. folder: shared by all ranks for their files."""

    rank: int
    world_size: int
    folder: Path

    def trace(self, rank: int) -> Path:
        return self.folder / f"rank{rank}.json"

    def stem(self, rank: int) -> str:
        """Start of the names of a rank's files: `STEM.PID.N.json` is a trace."""
        return f"rank{rank}"

    def own(self, rank: int) -> Path:
        """The file in which the rank's first process reports its end."""
        return self.folder / f"rank{rank}.own"

    def begun(self, rank: int) -> Path:
        """A file that a rank creates when it starts."""
        return self.folder / f"rank{rank}.begun"

    def told(self, rank: int) -> Path:
        """A file that a rank creates when it has ended: nothing more comes from it."""
        return self.folder / f"rank{rank}.told"


def this_place(beside: Path, environment: Mapping[str, str] = os.environ) -> Place:
    """The place of this process. beside: the folder in which the ranks' own is made; all hosts of a job must see it.
    Without RANK and WORLD_SIZE, which torchrun sets, the job has this one process.

    Raises HarnessError where the variables are no ranks.
    """
    world_size = _number(environment, "WORLD_SIZE", 1)
    rank = _number(environment, "RANK", 0)
    if not 0 <= rank < world_size:
        raise HarnessError(f"RANK={rank} of WORLD_SIZE={world_size}; wanted the values that torchrun sets")
    if world_size == 1:
        return Place(0, 1, beside / f"one-{uuid.uuid4().hex[:12]}")
    parts = [environment.get(name, "") for name in MEETING]
    if environment.get("LOCAL_WORLD_SIZE") == str(world_size):  # one host: all have the same parent, and no job before
        parts.append(str(os.getppid()))
    return Place(rank, world_size, beside / f"job-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:12]}")


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environment.get(name, "")
    if not text:
        return otherwise
    if not text.isdigit() or not text.isascii():
        raise HarnessError(f"{name}={text}: no number; wanted the value that torchrun sets")
    return int(text)
