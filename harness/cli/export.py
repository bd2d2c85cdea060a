"""`harness export`: write a stored run to a portable file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Store


def command(
    run: Annotated[str, typer.Argument(help="`last`, `last~1`, an id, a tag or an exported file.")],
    file: Annotated[Path, typer.Argument(help="The file to write; compressed if its name ends in .gz.")],
    store: Store = "",
) -> None:
    """Write a whole stored run to a file."""
    import sys

    from harness.store import Store as RunStore
    from harness.store import export_run

    found, identity = RunStore(store).load_identified(run)
    export_run(found, identity, file)
    print(f"wrote run {found.id} ({len(found.measurements)} cases) to {file}", file=sys.stderr)
