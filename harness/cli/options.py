"""Options that several commands share, spelt and explained once."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.errors import HarnessError

Arms = Annotated[str, typer.Option("--arms", help="Comma-separated arms; all of the suite when left out.")]
Match = Annotated[str, typer.Option("-k", help="Only cases whose id contains this (several: comma-separated).")]
Note = Annotated[str, typer.Option("-m", help="A note kept with the run.")]
Gpus = Annotated[int, typer.Option(min=1, help="GPUs of one kind, each with pairs of its own at the same time.")]
Store = Annotated[
    str,
    typer.Option("--store", envvar="HARNESS_STORE", help="Run store: a file or a database URL [.harness/runs.sqlite]."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Versioned JSON on standard output.")]


UNSAID = "*"
"""The value of an option that stands without one, where it may: `--source`, `--diff`."""


def refuse(why: str, **given: object) -> None:
    """What was given and has no meaning here is refused, not overlooked."""
    for name, value in given.items():
        if value:
            raise HarnessError(f"{'-' if len(name) == 1 else '--'}{name.replace('_', '-')}: {why}")


def csv(text: str) -> list[str]:
    """`a, b` -> ["a", "b"]."""
    return [part.strip() for part in text.split(",") if part.strip()]
