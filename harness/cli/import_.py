"""`harness import`: a run from a file into the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Store


def command(
    file: Annotated[Path, typer.Argument(help="A file of `harness export`, `harness store dump` or pytest-benchmark.")],
    store: Store = "",
) -> None:
    """Add an exported run, or a whole dump, to the store. Importing again changes nothing. Prints each run's id in this
    store."""
    from harness.store import Store as RunStore
    from harness.store import read_exported
    from harness.store.dump import is_dump, read_dump

    opened = RunStore(store)
    for run, identity in read_dump(file) if is_dump(file) else [read_exported(file)]:
        print(opened.add_run(run, identity))
