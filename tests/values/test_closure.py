"""Closures of many cases, each file once, come back as they were."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.observe.code import content
from harness.runner.code_watch import unchanged_since
from harness.values.closure import Closure, observed

NAMES = st.sampled_from(["a.py", "b/c.py", "n.txt", "../x"])
FOUND = st.sampled_from(["code:1", "code:2", "missing", "data:3"])
CLOSURES = st.builds(Closure, st.dictionaries(NAMES, FOUND), st.lists(st.just("it writes"), max_size=1).map(tuple))


@given(st.dictionaries(st.sampled_from(["one", "two", "three"]), CLOSURES))
def test_nothing_is_lost_and_no_file_is_kept_twice(closures: dict[str, Closure]) -> None:
    kept = observed(closures, {"one": "asked"})
    assert {case: kept.closure(case) for case in closures} == closures
    assert len(set(kept.files)) == len(kept.files)
    assert kept.closure("unknown") is None
    assert kept.asked == {case: "asked" if case == "one" else "" for case in closures}


@given(CLOSURES, CLOSURES)
def test_equal_digests_are_proved_closures(one: Closure, other: Closure) -> None:
    assert (bool(one.digest) and one.digest == other.digest) == one.proves_same(other)


def test_a_file_that_changed_while_the_run_went_on_proves_nothing(tmp_path: Path) -> None:
    """Of the cases that read it; a comment in code is no change."""
    for name in ("a.py", "b.py", "n.txt"):
        (tmp_path / name).write_text("x = 1\n")
    read = {name: content(tmp_path / name, as_code=name.endswith(".py")) for name in ("a.py", "b.py", "n.txt")}
    closures = {"one": Closure({"a.py": read["a.py"]}), "two": Closure({"b.py": read["b.py"], "n.txt": read["n.txt"]})}
    assert unchanged_since(closures, tmp_path) == closures
    (tmp_path / "a.py").write_text("x = 1  # one\n")
    (tmp_path / "n.txt").write_text("x = 22\n")
    found = unchanged_since(closures, tmp_path)
    assert found["one"] == closures["one"] and found["one"].digest
    assert found["two"].unproved == ("n.txt changed while the run went on",) and found["two"].digest == ""
