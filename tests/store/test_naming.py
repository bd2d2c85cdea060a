"""Names of runs: each means one run, and a wrong one is answered with what there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.store import Store
from harness.store.naming import side_name
from tests.store.test_store import run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Runs 1 to 4, the last one still running; 2 is of another suite, 1 is tagged."""
    store = Store(str(tmp_path / "runs.sqlite"))
    for number, (suite, uuid) in enumerate([("tiny", "aaaa-1"), ("other", "aaaa-2"), ("tiny", "bbbb-3")], 1):
        store.add_run(run(note=str(number), suite=suite, state="complete"), uuid)
    store.begin(run(note="4"))
    store.tag("1", ["good"])
    return store


@pytest.mark.parametrize(
    ("name", "suite", "wanted"),
    [
        ("last", None, "3"), ("last~1", None, "2"), ("last~1", "tiny", "1"), ("4", None, "4"), ("2", "tiny", "2"),
        ("good", None, "1"), ("bbbb", None, "3"), ("aaaa-2", None, "2"),
    ],
)  # fmt: skip
def test_a_name_means_one_run(name: str, suite: str | None, wanted: str, store: Store) -> None:
    """`last` counts complete runs, of the suite where one is given; a number is a number in any suite."""
    assert store.load(name, suite).note == wanted


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nonsense", r"no run nonsense in .*runs.sqlite; there: ids 1 to 4, tags good; or `last`, or a file"),
        ("5", "no run 5"),
        ("last~3", "3 complete runs; `harness show` lists all runs"),
        ("last~", "no run last~"),
        ("aaaa", "start of several runs' uuid in .*: ids 1, 2"),
        ("bbb", "no run bbb"),
    ],
)
def test_a_wrong_name_is_answered_with_what_there_is(name: str, line: str, store: Store) -> None:
    with pytest.raises(HarnessError, match=line):
        store.load(name)


def test_a_file_here_does_not_hide_a_run(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of that number, or `last`."""
    monkeypatch.chdir(tmp_path)
    for name in ("1", "last"):
        (tmp_path / name).write_text("not a run")
    assert store.load("1").note == "1" and store.load("last").note == "3"


@pytest.mark.parametrize("tag", ["", "a,b", "12", "last", "last~1"])
def test_a_tag_never_means_two_things(tag: str, store: Store) -> None:
    with pytest.raises(HarnessError, match="allowed: a word"):
        store.tag("1", [tag])


@pytest.mark.parametrize(
    ("text", "name", "arm"),
    [
        ("7", "7", None),
        ("7:tuned", "7", "tuned"),
        (":tuned", "", "tuned"),
        ("last~1:", "last~1", ""),
        ("HEAD^{/a: b}", "HEAD^{/a: b}", None),
        ("HEAD^{/a: b}:tuned", "HEAD^{/a: b}", "tuned"),
        ("main@{2030-01-01 10:00}", "main@{2030-01-01 10:00}", None),
        ("main@{2030-01-01 10:00}~2:tuned", "main@{2030-01-01 10:00}~2", "tuned"),
    ],
)
def test_a_side_is_a_name_and_an_arm(text: str, name: str, arm: str | None) -> None:
    """A colon that belongs to a revision parts nothing."""
    assert side_name(text) == (name, arm)


@given(st.text(alphabet="ab~@{}:/. ", max_size=12), st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True))
def test_an_arm_after_a_whole_name_is_found(name: str, arm: str) -> None:
    """Whatever the name holds, as long as its braces are closed."""
    assume(name.count("{") == name.count("}") and "}" not in name.partition("{")[0])
    assert side_name(f"{name}:{arm}") == (name, arm)
    whole = side_name(name)
    assert whole.name + (f":{whole.arm}" if whole.arm is not None else "") == name


def test_a_file_with_a_colon_is_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:b.json").write_text("{}")
    assert side_name("a:b.json") == ("a:b.json", None) and side_name("a:b.json:tuned") == ("a:b.json", "tuned")
