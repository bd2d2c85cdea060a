"""What two stored runs prove of the code: equal closures, as they were observed, and nothing less."""

from __future__ import annotations

import msgspec
import pytest

from harness.compare import StoredSide, compare
from harness.compare.history import CaseHistory, history
from harness.store.points import points_of
from harness.values.closure import Closure, observed
from harness.values.reason import reason_words
from harness.values.run import Run
from tests.compare.stored_runs import two_runs


def reading(
    side: StoredSide, files: dict[str, str], unproved: tuple[str, ...] = (), asked: str = "asked"
) -> StoredSide:
    """The side, all of whose cases were seen to read these files."""
    closures = {case.id: Closure(files, unproved) for case in side.run.planned}
    code = observed(closures, dict.fromkeys(closures, asked))
    return StoredSide(msgspec.structs.replace(side.run, observed=code), side.arm)


@pytest.mark.parametrize(
    ("of_head", "unproved", "said", "changed"),
    [
        ({"a.py": "code:1", "b.txt": "data:1"}, (), True, ()),
        ({"a.py": "code:1", "b.txt": "data:2"}, (), False, ("b.txt",)),
        ({"a.py": "code:1", "b.txt": "data:1"}, ("a.py starts another process",), False, ()),
    ],
)
def test_the_same_code_that_is_slower_says_so(
    of_head: dict[str, str], unproved: tuple[str, ...], said: bool, changed: tuple[str, ...]
) -> None:
    """Then it is the environment. The variant's own text, which is the same in all of these, proves nothing."""
    base, head = two_runs({"a": (10, 11)})
    found = compare(reading(base, {"a.py": "code:1", "b.txt": "data:1"}), reading(head, of_head, unproved))
    (verdict,) = found.verdicts
    assert ("ran the same code on the same case" in reason_words(verdict.reason)) is said
    assert verdict.changed == changed


def test_where_nobody_looked_nothing_is_said_of_the_code() -> None:
    """Runs of before closures were kept."""
    base, head = two_runs({"a": (10, 11)})
    for one in (compare(base, head), compare(reading(base, {"a.py": "code:1"}), head)):
        (verdict,) = one.verdicts
        assert "the same code" not in reason_words(verdict.reason) and verdict.changed == ()


FILES = {"a.py": "code:1"}


def history_of(*runs: Run) -> tuple[CaseHistory, ...]:
    return history(point for run in runs for point in points_of(run))


@pytest.mark.parametrize(
    ("files", "unproved", "asked", "said"),
    [
        (FILES, (), "asked", ("same", ())),
        (FILES, (), "other tunables", ("asked otherwise", ())),
        ({"a.py": "code:2"}, (), "asked", ("changed", ("a.py",))),
        ({**FILES, "b.py": "code:1"}, ("it starts another process",), "asked", ("changed", ("b.py",))),
        (FILES, ("it starts another process",), "asked", ("", ())),
    ],
)
def test_a_history_says_of_the_code_what_is_proved(
    files: dict[str, str], unproved: tuple[str, ...], asked: str, said: tuple[str, tuple[str, ...]]
) -> None:
    """A decode's tunables are its arm's, not in the case: what was asked is held together, too."""
    base, head = two_runs({"a": (10, 10)})
    (found,) = history_of(reading(base, FILES).run, reading(head, files, unproved, asked).run)
    assert [(moment.code, moment.files) for moment in found.moments] == [("", ()), said]


def test_a_history_says_nothing_of_the_code_of_runs_that_nobody_looked_on() -> None:
    base, head = two_runs({"a": (10, 10)})
    for runs in ([base.run, head.run], [base.run, reading(head, FILES).run], [reading(base, FILES).run, head.run]):
        (found,) = history_of(*runs)
        assert [moment.code for moment in found.moments] == ["", ""]
