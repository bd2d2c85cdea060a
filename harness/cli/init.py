"""`harness init`: a first suite and op in the user's repository."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[Path, typer.Argument(help="Folder for the files; created if missing.")] = Path(),
    name: Annotated[str, typer.Option(help="Name of the op, its file and its suite.")] = "my_op",
) -> None:
    """Write a commented starter suite and an op with a kernel.

    Existing files are never overwritten.
    """
    from harness.skeleton.write import write_skeleton

    op, suite = write_skeleton(folder, name)
    for file in (op, suite):
        print(f"wrote {file}")
    steps = {
        f"harness try {op}": "check and time the kernel; --watch: again after each save",
        f"harness sweep {suite}": "find its best configuration on this GPU",
        f"harness run {suite}": "time all arms at all sizes; `harness report last` shows them",
    }
    width = max(map(len, steps))
    print("\nnext\n" + "\n".join(f"  {step:{width}}  {does}" for step, does in steps.items()))
