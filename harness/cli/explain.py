"""`harness explain`: the meaning of a verdict, a status or a column."""

from __future__ import annotations

from typing import Annotated

import typer


def command(word: Annotated[list[str] | None, typer.Argument(help="SLOWER, INCORRECT, `of read`, ...")] = None) -> None:
    """Explain a verdict, a status or a column.

    Without a word it lists the words that it knows.
    """
    import textwrap

    from harness.explain.find import entries, explained

    if not word:
        for entry in entries():
            print(", ".join(entry.words))
        return
    entry = explained(" ".join(word))
    print(", ".join(entry.words))
    print(textwrap.fill(entry.means, 96, initial_indent="  ", subsequent_indent="  "))
    print(f"  More: METHODOLOGY.md, section “{entry.section}”")
