"""`harness import`: a run from a file into the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Store


def command(
    file: Annotated[Path, typer.Argument(help="A file that `harness export` or pytest-benchmark wrote.")],
    store: Store = "",
) -> None:
    """Add an exported run to the store. Importing it again changes nothing. Prints its id here."""
    from harness.store import Store as RunStore
    from harness.store import read_exported

    run, identity = read_exported(file)
    print(RunStore(store).add_run(run, identity))
