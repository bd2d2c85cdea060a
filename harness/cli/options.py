"""Options that several commands share, spelt and explained once."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.errors import HarnessError
from harness.secrets import masked

Arms = Annotated[str, typer.Option("--arms", help="Comma-separated arms; default: all of the suite.")]
Match = Annotated[str, typer.Option("-k", help="Only cases whose id contains this (several: comma-separated).")]
Note = Annotated[str, typer.Option("-m", callback=masked, help="A note kept with the run.")]
Gpus = Annotated[int, typer.Option(min=1, help="GPUs of one kind; each measures its own pairs at the same time.")]
Store = Annotated[
    str,
    typer.Option("--store", envvar="HARNESS_STORE", help="Run store: a file or a database URL [.harness/runs.sqlite]."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Versioned JSON on standard output.")]


UNSAID = "*"
"""Value of an option given without one, where this is allowed: `--source`, `--diff`."""


def refuse(why: str, **given: object) -> None:
    """Raise HarnessError for options that have no effect here, rather than ignore them."""
    for name, value in given.items():
        if value:
            raise HarnessError(f"{'-' if len(name) == 1 else '--'}{name.replace('_', '-')}: {why}")


def csv(text: str) -> list[str]:
    """`a, b` -> ["a", "b"]."""
    return [part.strip() for part in text.split(",") if part.strip()]
