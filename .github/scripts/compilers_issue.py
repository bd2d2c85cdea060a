"""One issue for what the newest Triton makes worse: opened, updated, and closed when nothing of it is left.

Usage: python compilers_issue.py COMPILERS.json      (what `harness compilers --json` printed)

Reads GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL. Standard library alone: beside a token that may write issues,
nothing is installed and no code of the repository's kernels runs.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from history_issues import Action, GitHub, code, own_first_line

MARKER = "<!-- kernel-harness compilers {suite} -->"
GATES = ("FAILED", "WORSE")
MOST_ROWS = 60


def worse(document: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """(case, target, version, verdict, reason) of what gates, the worst first."""
    gates = {version["name"]: version["triton"] for version in document["versions"] if version["gates"]}
    found = [
        (f"{row['question']} {row['answer']}", cell["target"], gates[cell["version"]], cell["verdict"], cell["reason"])
        for row in document["rows"] if row["chosen"]
        for cell in row["cells"] if cell["version"] in gates and cell["verdict"] in GATES
    ]  # fmt: skip
    return sorted(found, key=lambda row: GATES.index(row[3]))


def title(document: dict[str, Any]) -> str:
    rows = worse(document)
    versions = ", ".join(sorted({row[2] for row in rows}))
    cases = len({row[0] for row in rows})
    return f"Triton {versions} makes {cases} of {len(document['rows'])} configurations of {document['suite']} worse"


def body(document: dict[str, Any]) -> str:
    rows = worse(document)
    base = next(version["triton"] for version in document["versions"] if version["name"] == document["base"])
    lines = [f"| {' | '.join((code(case), *map(code, rest)))} |" for case, *rest in rows[:MOST_ROWS]]
    left = len(rows) - MOST_ROWS
    return "\n".join((
        MARKER.format(suite=document["suite"]), f"Compiled without a GPU and held against Triton {code(base)}:", "",
        "| case | target | Triton | verdict | what |", "|---|---|---|---|---|", *lines,
        *([f"| {left} more | | | | |"] if left > 0 else []), "",
        "How fast, only a GPU says. This issue is updated every night, and closed when nothing of it is left.",
    ))  # fmt: skip


def actions(document: dict[str, Any], issues: list[dict[str, Any]]) -> Iterator[Action]:
    """What brings the bot's one open issue of this suite to what is known."""
    marker = MARKER.format(suite=document["suite"])
    mine = [issue for issue in issues if own_first_line(issue) == marker]
    if worse(document):
        fields = {"title": title(document), "body": body(document)}
        if not mine:
            yield Action("POST", "issues", fields)
        elif any(mine[0].get(name) != value for name, value in fields.items()):
            yield Action("PATCH", f"issues/{mine[0]['number']}", fields)
    for issue in mine[1:] if worse(document) else mine:
        said = "Nothing of it is left." if not worse(document) else f"Goes on in #{mine[0]['number']}."
        yield Action("POST", f"issues/{issue['number']}/comments", {"body": said})
        yield Action("PATCH", f"issues/{issue['number']}", {"state": "closed", "state_reason": "completed"})


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    github = GitHub(dict(os.environ))
    github.perform(actions(document, github.open_issues()))


if __name__ == "__main__":
    main(sys.argv[1])
