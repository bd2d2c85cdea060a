"""`harness init`: a suite and an op to begin with, in the user's repository."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[Path, typer.Argument(help="Where the files go; made where there is none.")] = Path(),
    name: Annotated[str, typer.Option(help="Name of the op, its file and its suite.")] = "my_op",
) -> None:
    """Write a commented suite and an op with a kernel to begin with.

    Files that are there stay as they are.
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
