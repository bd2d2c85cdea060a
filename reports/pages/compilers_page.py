"""A suite under several releases of Triton as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence

from harness.values.compilers import CompilerMatrix

from ..figures import clean
from ..tables.compilers import changed, matrix
from ..tables.compilers_history import over_versions
from .compilers import closing, headline, reasons, versions
from .html_frame import page


def render(found: CompilerMatrix, earlier: Sequence[CompilerMatrix] = ()) -> str:
    """The page as text. earlier: stored matrices of the suite, oldest first; the page plots their figures up to this
    one."""
    word, rest = headline(found)
    tables = [changed(found), over_versions([*earlier, found]), matrix(found)]
    return page(
        "matrix.html.j2",
        {},
        heading=f"{clean(found.suite)} under {len(found.versions)} releases of Triton",
        sections=[("verdict", "Verdict"), *((table.name, table.title) for table in tables)],
        facts=list(versions(found)),
        facts_label="Versions",
        verdict=str(word),
        tone=word.tone,
        rest=rest,
        reasons=list(reasons(found)),
        tables=[(table.name, table) for table in tables],
        command="harness compilers",
        closing=closing(found),
    )
