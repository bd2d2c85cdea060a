"""No password in text that is kept or shown, none in the environment of measured code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from harness.errors import HarnessError
from harness.secrets import masked, withheld
from harness.store import Store, writer
from harness.worker.launch import worker_environment


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:PW@h/d", "postgresql://u:***@h/d"),
        ("--store=postgresql+psycopg://u:P/W@x@h:5432/d", "--store=postgresql+psycopg://u:***@h:5432/d"),
        ("postgresql://u@h/d?sslmode=require&password=PW&x=1", "postgresql://u@h/d?sslmode=require&password=***&x=1"),
        ("postgresql://h/d", "postgresql://h/d"),
        ("postgresql:/u:PW@h/d: no such suite", "postgresql:/u:***@h/d: no such suite"),
        ("suites/a.yaml", "suites/a.yaml"),
        ("main@{2026-01-01 10:00}:tuned", "main@{2026-01-01 10:00}:tuned"),
    ],
)
def test_a_password_is_masked_wherever_it_stands(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_url_in_a_wrong_place_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither in this program's errors nor in those of its command line; nor does a note keep one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    url = "postgresql://u:PW@h/d"
    for words in (["run", url], ["push", "--share", "t", url], ["x", url]):
        done = subprocess.run([sys.executable, "-m", "harness", *words], capture_output=True, text=True)
        assert done.returncode == 2 and "PW" not in done.stderr + done.stdout, words
    assert {note.callback("see " + url) for note in _notes()} == {"see postgresql://u:***@h/d"}


def _notes() -> list[Any]:
    """Every option whose text is kept."""
    from harness.cli import accept, note, run, track, try_

    given = [(accept, "why"), *((module, "note") for module in (note, run, track, try_))]
    hints = [get_type_hints(module.command, include_extras=True)[name] for module, name in given]
    return [hint.__metadata__[0] for hint in hints]


@pytest.mark.parametrize("typed", ["postgresql//u:PW@h/d", "postgres:/u:PW@h/d", "postgresql+psycopg:u:PW@h"])
def test_a_mistyped_url_is_no_file(typed: str) -> None:
    from harness.store import database

    with pytest.raises(HarnessError, match=r"--store postgres\S*\.\.\.: no database URL") as error:
        database.read_url(typed)
    assert "PW" not in str(error.value)
    assert database.read_url("postgres@home/x.sqlite").database == "postgres@home/x.sqlite"


def test_what_opens_a_store_is_withheld_from_measured_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel of a pull request could rewrite a team's history with it."""
    for name in ("HARNESS_STORE", "HARNESS_SHARED", "PGPASSWORD", "PGSERVICEFILE", "GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.setenv(name, "PW")
    monkeypatch.setenv("HARNESS_CACHE", "kept")
    kept = worker_environment()
    assert "PW" not in kept.values() and kept["HARNESS_CACHE"] == "kept"
    assert withheld(os.environ)["PATH"] == os.environ["PATH"]


def test_the_command_of_a_run_has_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands in reports, exports and pull requests."""
    monkeypatch.setattr(sys, "argv", ["harness", "run", "s.yaml", "--store", "postgresql://u:PW@h/d"])
    assert writer.this_command() == "harness run s.yaml --store 'postgresql://u:***@h/d'"


def test_a_location_has_no_password(tmp_path: Path) -> None:
    from harness.store import database

    for url in ("postgresql://u:PW@h/d", "postgresql://u@h/d?password=PW"):
        assert "PW" not in database.shown(database.read_url(url))
    assert Store(str(tmp_path / "x.sqlite")).location == str(tmp_path / "x.sqlite")
