"""Two launches are the same work where all that decides the work is equal."""

from __future__ import annotations

import msgspec
import pytest

from harness.values.binary import Binary
from harness.values.case import Case, Implementation
from harness.values.compiled import Compiled
from harness.values.launch import Launch
from harness.values.measurement import Status

CASE = Case(
    "kernel", "sweep", "int4-g128/bfloat16", {}, op="int4_mm", site="main", answer=Implementation("v", {"split": 2})
)
LAUNCH = Launch("ab" * 32, "kernel", (8, 1, 1), (1, 1, 1), 0, ("7", "128"), ("0:bf16[1,8](8,1)+0",))
BINARY = Binary("ab" * 32, "sm_90", "3.6.0", "12.8.93", "kernel", 64, 0, 0, 0, 2)


@pytest.mark.parametrize(
    "changed",
    [
        {"binary": "cd" * 32}, {"grid": (4, 2, 1)}, {"cluster": (2, 1, 1)}, {"shared_bytes": 16},
        {"scalars": ("8", "128")}, {"scalars": ("71", "28")}, {"tensors": ("1:bf16[1,8](8,1)+0",)}, {"flags": ("pdl",)},
    ],
    ids=str,
)  # fmt: skip
def test_a_launch_that_differs_in_anything_is_another(changed: dict[str, object]) -> None:
    assert msgspec.structs.replace(LAUNCH, **changed).identity != LAUNCH.identity
    assert msgspec.structs.replace(LAUNCH).identity == LAUNCH.identity


def compiled(**changed: object) -> Compiled:
    return msgspec.structs.replace(Compiled(CASE, Status.OK, launches=(LAUNCH,), binaries=(BINARY,)), **changed)


def test_cases_of_one_question_are_identical_where_all_their_launches_are() -> None:
    """Tunables do not count, the torch calls between the launches do."""
    other = msgspec.structs.replace(CASE, answer=Implementation("v", {"split": 4}))
    assert compiled(case=other).identity == compiled().identity
    assert compiled(launches=(LAUNCH, LAUNCH)).identity != compiled().identity
    assert compiled(host_ops="ef").identity != compiled().identity


def test_nothing_is_identical_to_what_was_not_compiled_or_launches_nothing() -> None:
    assert compiled(launches=()).identity is None
    assert compiled(status=Status.TIMEOUT, reason="over 10 s").identity is None
    with pytest.raises(ValueError, match="needs a reason"):
        compiled(status=Status.FAILED)
