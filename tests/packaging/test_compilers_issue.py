"""The nightly issue of the newest Triton: one, updated, closed when nothing of it is left; nobody else's is touched."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.values.compilers import CompilerMatrix
from harness.values.static_comparison import StaticVerdict
from harness_reports.documents.compilers import matrix_text
from tests.conftest import REPOSITORY
from tests.packaging.test_history_issues import Hub, hub
from tests.reports.compiler_factory import compiler_matrix

__all__ = ["hub"]
SCRIPT = REPOSITORY / ".github" / "scripts" / "compilers_issue.py"


def run(hub: Hub, folder: Path, found: CompilerMatrix) -> list[str]:
    (folder / "compilers.json").write_text(matrix_text(found))
    return hub.call([str(SCRIPT), str(folder / "compilers.json")])


def without_regression(found: CompilerMatrix) -> CompilerMatrix:
    rows = tuple(
        msgspec.structs.replace(
            row,
            cells=tuple(
                msgspec.structs.replace(cell, verdict=cell.verdict and StaticVerdict.SAME) for cell in row.cells
            ),
        )
        for row in found.rows
    )
    return msgspec.structs.replace(found, rows=rows)


def test_there_is_one_issue_that_is_updated_and_closed(hub: Hub, tmp_path: Path) -> None:
    """The neighbour that is worse, too, is no part of it."""
    assert run(hub, tmp_path, without_regression(compiler_matrix())) == []
    assert run(hub, tmp_path, compiler_matrix()) == ["POST body title"]
    [issue] = hub.issues
    assert issue["title"] == "Triton 3.9.0 makes 1 of 2 configurations of s worse"
    assert issue["body"].count("`WORSE`") == 1 and "`k: blocks per SM 8 -> 3`" in issue["body"]
    assert run(hub, tmp_path, compiler_matrix()) == [], "nothing changed"
    longer = msgspec.structs.replace(compiler_matrix(), suite="other")
    assert run(hub, tmp_path, longer) == ["POST body title"], "another suite has its own"
    assert run(hub, tmp_path, without_regression(compiler_matrix())) == [
        "POST /1/comments body", "PATCH /1 state state_reason"
    ]  # fmt: skip
    assert [one["state"] for one in hub.issues] == ["closed", "open"]


def test_somebody_elses_issue_is_left_alone(hub: Hub, tmp_path: Path) -> None:
    """Anybody can write the marker."""
    run(hub, tmp_path, compiler_matrix())
    hub.issues[0]["user"] = {"login": "somebody"}
    assert run(hub, tmp_path, compiler_matrix()) == ["POST body title"] and len(hub.issues) == 2


def test_foreign_words_are_code(hub: Hub, tmp_path: Path) -> None:
    """A kernel's name is no mention and no table's border."""
    found = compiler_matrix()
    row = msgspec.structs.replace(found.rows[0], answer="@everyone | `x`")
    run(hub, tmp_path, msgspec.structs.replace(found, rows=(row,)))
    assert "@everyone / 'x'" in hub.issues[0]["body"]
