"""What two stored runs prove of the code: equal closures, as they were observed, and nothing less."""

from __future__ import annotations

import msgspec
import pytest

from harness.compare import StoredSide, compare
from harness.values.closure import Closure, observed
from harness.values.reason import reason_words
from tests.compare.stored_runs import two_runs


def reading(side: StoredSide, files: dict[str, str], unproved: tuple[str, ...] = ()) -> StoredSide:
    """The side, all of whose cases were seen to read these files."""
    closures = {case.id: Closure(files, unproved) for case in side.run.planned}
    code = observed(closures, dict.fromkeys(closures, "asked"))
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
    assert ("seen to read the same code" in reason_words(verdict.reason)) is said
    assert verdict.changed == changed


def test_where_nobody_looked_nothing_is_said_of_the_code() -> None:
    """Runs of before closures were kept."""
    base, head = two_runs({"a": (10, 11)})
    for one in (compare(base, head), compare(reading(base, {"a.py": "code:1"}), head)):
        (verdict,) = one.verdicts
        assert "the same code" not in reason_words(verdict.reason) and verdict.changed == ()
