"""The nightly issues: one for each confirmed commit, updated, closed when it is accepted or gone, and nobody else's
touched. The script runs as a process against a server that answers as GitHub's API does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import msgspec
import pytest

from harness.values.bisect import Commit
from harness.values.event import Answer
from harness.values.standing import ChangeState, KnownChange, Standing
from harness_reports.documents.stored import changes_text
from tests.conftest import REPOSITORY
from tests.history.made import acceptance
from tests.reports.table_factory import changed_standing

SCRIPT = REPOSITORY / ".github" / "scripts" / "history_issues.py"
BOT = {"login": "github-actions[bot]"}


class Hub:
    """The issues of a repository, and what was asked of it."""

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                assert self.headers["Authorization"] == "Bearer secret"
                length = int(self.headers.get("Content-Length") or 0)
                found = hub.answer(self.command, self.path, json.loads(self.rfile.read(length) or b"{}"))
                data = json.dumps(found).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    def answer(self, method: str, path: str, fields: dict[str, Any]) -> Any:
        place, query = urlparse(path).path.removeprefix("/repos/o/r/issues"), parse_qs(urlparse(path).query)
        if method == "GET":
            wanted = [issue for issue in self.issues if issue["state"] == "open"]
            page = int(query["page"][0])
            return wanted[100 * (page - 1) : 100 * page]
        self.asked.append(f"{method} {place} {' '.join(sorted(fields))}".replace("  ", " "))
        if method == "POST" and not place:
            self.issues.append({"number": len(self.issues) + 1, "state": "open", "user": BOT, **fields})
            return self.issues[-1]
        if place.endswith("comments"):
            return fields
        self.issues[int(place.rpartition("/")[2]) - 1].update(fields)
        return {}

    def run(self, folder: Path, *standings: Standing) -> list[str]:
        """The script on a document of these; what it asked for."""
        (folder / "changes.json").write_text(changes_text([], standings))
        return self.call(["-I", str(SCRIPT), str(folder / "changes.json")])

    def call(self, arguments: list[str]) -> list[str]:
        """A script; what it asked for."""
        self.asked.clear()
        host = f"http://127.0.0.1:{self.server.server_port}"
        environment = os.environ | {"GITHUB_TOKEN": "secret", "GITHUB_REPOSITORY": "o/r", "GITHUB_API_URL": host}
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "secret" not in done.stdout
        return list(self.asked)


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()


def _standing(state: ChangeState = ChangeState.CONFIRMED, case: str = "a", commit: str = "b", slower: float = 1.05,
              subject: str = "x") -> Standing:  # fmt: skip
    """One change of a case, found in one commit."""
    one = next(found for found in changed_standing().changes if found.confirmation is not None)
    assert one.confirmation is not None
    said = msgspec.structs.replace(one.confirmation, answer=Answer.COMMIT, left=(Commit(commit * 40, subject),))
    ratio = msgspec.structs.replace(one.ratio, value=slower)
    accepted = acceptance(commit * 40) if state is ChangeState.ACCEPTED else None
    return Standing(case, "s", "GPU", (KnownChange(one.change, state, ratio, said, accepted),), slower)


def test_a_commit_has_one_issue_that_follows_it(hub: Hub, tmp_path: Path) -> None:
    """Two cases of a commit are one issue; nothing is asked while nothing changes; it is updated when a case is
    accepted, and closed with the reason when nothing of it is open."""
    assert hub.run(tmp_path, _standing(), _standing(case="c", slower=1.2)) == ["POST body title"]
    [issue] = hub.issues
    assert issue["title"] == f"20.0 % slower since {'b' * 9}" and "| `a` |" in issue["body"]
    assert "| `c` | `GPU` | 1.200x slower" in issue["body"]
    assert hub.run(tmp_path, _standing(), _standing(case="c", slower=1.2)) == []
    assert hub.run(tmp_path, _standing(), _standing(ChangeState.ACCEPTED, case="c")) == ["PATCH /1 body title"]
    assert hub.issues[0]["title"] == f"5.0 % slower since {'b' * 9}"
    closed = ["POST /1/comments body", "PATCH /1 state state_reason"]
    assert hub.run(tmp_path, _standing(ChangeState.GONE), _standing(ChangeState.ACCEPTED, case="c")) == closed
    assert hub.issues[0]["state"] == "closed"
    assert hub.run(tmp_path, _standing(ChangeState.GONE), _standing(ChangeState.ACCEPTED, case="c")) == []


def test_what_is_not_confirmed_or_is_faster_has_none(hub: Hub, tmp_path: Path) -> None:
    suspected = [_standing(state) for state in (ChangeState.SUSPECTED, ChangeState.REFUTED, ChangeState.GONE)]
    assert hub.run(tmp_path, *suspected, _standing(slower=0.9)) == []


def test_an_issue_of_somebody_else_is_left_alone(hub: Hub, tmp_path: Path) -> None:
    """Whatever it begins with; and one whose change the document does not have."""
    hub.run(tmp_path, _standing())
    theirs = {**hub.issues[0], "number": 2, "user": {"login": "somebody"}}
    hub.issues[:] = [{**theirs, "number": 1}, {**hub.issues[0], "number": 2}]
    assert hub.run(tmp_path, _standing(ChangeState.GONE)) == ["POST /2/comments body", "PATCH /2 state state_reason"]
    hub.issues[1]["state"] = "open"
    assert hub.run(tmp_path) == []


def test_a_flood_is_a_few_issues(hub: Hub, tmp_path: Path) -> None:
    many = [_standing(commit=letter) for letter in "0123456789abcdef"]
    assert len(hub.run(tmp_path, *many)) == 10
    assert len(hub.run(tmp_path, *many)) == 6


def test_foreign_text_is_inert(hub: Hub, tmp_path: Path) -> None:
    """A commit's subject mentions nobody, closes no span, ends no table and hides nothing."""
    hub.run(tmp_path, _standing(subject="@everyone `|` fixes #1\n<!-- x -->\u202e", case="a|b`c"))
    body = hub.issues[0]["body"]
    assert "`@everyone '/' fixes #1 <!-- x -->`" in body and "| `a/b'c` |" in body and "\u202e" not in body
    assert body.count("`") % 2 == 0
