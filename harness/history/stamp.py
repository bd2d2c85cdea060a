"""The author and time of a statement about a history."""

from __future__ import annotations

import getpass
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from harness.errors import HarnessError
from harness.revisions import repository_of
from harness.revisions.git import git


class Stamp(NamedTuple):
    """The first fields of an event."""

    uuid: str
    at: str
    by: str


def stamp() -> Stamp:
    return Stamp(str(uuid.uuid4()), datetime.now(UTC).isoformat(timespec="seconds"), _somebody())


def _somebody() -> str:
    """The author of a commit as git would name it here, else the user of the system."""
    repository = repository_of(Path.cwd())
    if repository is not None:
        try:
            return git(repository, "var", "GIT_AUTHOR_IDENT").rsplit(" ", 2)[0]
        except HarnessError:
            pass
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
