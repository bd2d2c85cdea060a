"""A Python process that a recorded program started: recorded as well, once it imports torch."""

from __future__ import annotations

import os

import msgspec

from harness.programs.told import CHILDREN, Recording
from harness.recording.session import Session


def begin() -> None:
    Session(msgspec.json.decode(os.environ[CHILDREN], type=Recording), leads=False)
