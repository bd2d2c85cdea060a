"""One issue for each commit that is confirmed to have made something slower: opened, updated, and closed when the
change is accepted or gone.

Usage: python history_issues.py CHANGES.json      (what `harness history '' --changes --json` printed)

Reads GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL. Standard library alone: beside a token that may write issues,
nothing is installed and no code of the repository's kernels runs.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

MARKER = "<!-- kernel-harness change {key} -->"
BOT = "github-actions[bot]"
MOST_NEW = 10
"""Issues that one run opens; a night in which everything became slower is one cause, not a hundred."""
MOST_ROWS = 50
LONGEST = 200
DONE = {"accepted": "accepted", "gone": "gone: later changes took it back", "refuted": "not reproducible any more"}


@dataclass
class Event:
    """What one commit, or a range, did. rows: a line of the table for each case and machine; open: of them those that
    nobody accepted. why: of the others, in words."""

    key: str
    commit: str
    subject: str
    rows: list[str] = field(default_factory=list)
    worst: float = 1.0
    open: int = 0
    why: list[str] = field(default_factory=list)


def events(document: dict[str, Any]) -> dict[str, Event]:
    """The confirmed slowdowns of a document, by what is known of the commit, also those that are not open any more."""
    found: dict[str, Event] = {}
    for standing in document["standings"]:
        for change in standing["changes"]:
            confirmation, ratio = change["confirmation"], change["ratio"]
            if confirmation is None or change["ratio"]["value"] <= 1 or change["state"] not in ("confirmed", *DONE):
                continue
            left = confirmation["left"]
            last = left[-1] if left else {"hash": confirmation["bad"], "subject": ""}
            key = last["hash"] if len(left) == 1 else f"{confirmation['good']}..{confirmation['bad']}"
            event = found.setdefault(key, Event(key, last["hash"], last["subject"]))
            _add(event, standing, change, ratio)
    return found


def _add(event: Event, standing: dict[str, Any], change: dict[str, Any], ratio: dict[str, float]) -> None:
    interval = f"[{ratio['low']:.3f}, {ratio['high']:.3f}]"
    cells = (
        code(standing["case"]),
        code(standing["machine"]),
        f"{ratio['value']:.3f}x slower {interval}",
        change["state"],
    )
    event.rows.append(f"| {' | '.join(cells)} |")
    if change["state"] == "confirmed":
        event.open += 1
        event.worst = max(event.worst, ratio["value"])
        return
    accepted = change["acceptance"] if change["state"] == "accepted" else None
    by = f" by {code(accepted['by'])}: {code(accepted['why'])}" if accepted else ""
    event.why.append(f"{code(standing['case'])}: {DONE[change['state']]}{by}")


def code(text: str) -> str:
    """Foreign text as a code span of one line: nothing in it is a link, a mention or a table's border."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST]
    return "`" + line.replace("`", "'").replace("|", "/") + "`"


def title(event: Event) -> str:
    where = event.commit[:9] if ".." not in event.key else f"a range up to {event.commit[:9]}"
    return f"{100 * (event.worst - 1):.1f} % slower since {where}"


def body(event: Event) -> str:
    first = f"{code(event.subject)} ({event.commit})" if event.subject else event.commit
    what = "One of the commits up to" if ".." in event.key else "Since"
    left = len(event.rows) - MOST_ROWS
    rows = [*event.rows[:MOST_ROWS], *([f"| {left} more | | | |"] if left > 0 else [])]
    return "\n".join((
        MARKER.format(key=event.key), f"{what} {first}, confirmed by pairs of fresh processes on the same machine:", "",
        "| case | machine | against the commit before | state |", "|---|---|---|---|", *rows, "",
        "If it is meant to be: `harness accept CASE@COMMIT --why TEXT`, and commit the file that it writes. "
        "This issue is updated every night, and closed when nothing of it is open.",
    ))  # fmt: skip


@dataclass(frozen=True)
class Action:
    """One request to GitHub."""

    method: str
    path: str
    fields: dict[str, Any]


def actions(found: dict[str, Event], issues: list[dict[str, Any]]) -> Iterator[Action]:
    """What brings the bot's open issues to what is known. An issue of a change that the document does not have is left
    alone: a history that was cut proves nothing."""
    mine = dict(_mine(issues))
    new = 0
    for key, event in found.items():
        issue = mine.get(key)
        if issue is None and event.open and new < MOST_NEW:
            new += 1
            yield Action("POST", "issues", {"title": title(event), "body": body(event)})
        elif issue is not None and event.open:
            fields = {"title": title(event), "body": body(event)}
            if any(issue.get(name) != value for name, value in fields.items()):
                yield Action("PATCH", f"issues/{issue['number']}", fields)
        elif issue is not None:
            said = "Nothing of it is open:\n\n" + "\n".join(f"- {why}" for why in event.why[:MOST_ROWS])
            yield Action("POST", f"issues/{issue['number']}/comments", {"body": said})
            yield Action("PATCH", f"issues/{issue['number']}", {"state": "closed", "state_reason": "completed"})


def _mine(issues: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The bot's own ones with a marker in their first line."""
    begin, end = MARKER.split("{key}")
    for issue in issues:
        line = own_first_line(issue)
        if line.startswith(begin) and line.endswith(end):
            yield line[len(begin) : -len(end)], issue


def own_first_line(issue: dict[str, Any]) -> str:
    """Where a marker stands; empty for an issue that is not the bot's: anybody may write a marker."""
    own = (issue.get("user") or {}).get("login") == BOT and "pull_request" not in issue
    return (issue.get("body") or "").partition("\n")[0].strip() if own else ""


class GitHub:
    """A repository's REST API."""

    def __init__(self, environment: dict[str, str]) -> None:
        api = environment.get("GITHUB_API_URL", "https://api.github.com")
        self._url, self._token = f"{api}/repos/{environment['GITHUB_REPOSITORY']}", environment["GITHUB_TOKEN"]

    def ask(self, method: str, path: str, fields: dict[str, Any] | None = None) -> Any:
        data = None if fields is None else json.dumps(fields).encode()
        headers = {
            "Authorization": f"Bearer {self._token}", "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28", "Content-Type": "application/json",
        }  # fmt: skip
        request = urllib.request.Request(f"{self._url}/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self.ask(action.method, action.path, action.fields)
            print(action.method, action.path, action.fields.get("title", action.fields.get("state", "")))

    def open_issues(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, 101):
            query = urllib.parse.urlencode({"state": "open", "creator": BOT, "per_page": 100, "page": page})
            some = self.ask("GET", f"issues?{query}")
            found += some
            if len(some) < 100:
                break
        return found


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        found = events(json.load(file))
    github = GitHub(dict(os.environ))
    github.perform(actions(found, github.open_issues()))


if __name__ == "__main__":
    main(sys.argv[1])
