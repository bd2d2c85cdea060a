"""A GPU row belongs to the innermost op and scope around its launch; an op's own time is what its callees leave."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.trace.attribute import Attribution, enclosing, outermost_first, self_times
from harness.trace.rows import NONE, HostColumns
from tests.trace.made import columns, gpu, host


def thread(*rows: tuple[str, int, int, bool]) -> tuple[HostColumns, list[str]]:
    """Rows of a thread as (name, start, end, is a scope)."""
    made, names = HostColumns(), [row[0] for row in rows]
    for at, (_, start, end, scope) in enumerate(rows):
        made.start_ns.append(start)
        made.end_ns.append(end)
        made.label.append(2 * at + scope)
    return made, names


def own(*rows: tuple[str, int, int, bool]) -> dict[str, tuple[int, str]]:
    made, names = thread(*rows)
    return {names[name]: (ns, names[scope] if scope != NONE else "") for name, ns, scope in self_times(made)}


def test_self_time_is_what_callees_leave() -> None:
    """And the scope of an op is the innermost that is open when it starts."""
    rows = [("a", 0, 100, False), ("b", 10, 40, False), ("c", 20, 30, False), ("s", 5, 50, True)]
    assert own(*rows) == own(*reversed(rows)) == {"a": (70, ""), "b": (20, "s"), "c": (10, "s")}


def test_of_ops_that_start_together_the_longer_is_outside() -> None:
    """Whole microseconds make many of them."""
    assert own(("inner", 0, 4, False), ("outer", 0, 9, False), ("s", 0, 9, True)) == {
        "outer": (5, "s"),
        "inner": (4, "s"),
    }


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), max_size=20))
def test_self_times_add_up_to_what_the_ops_cover(spans: list[tuple[int, int]]) -> None:
    """Even where ops overlap without one being in the other, and none is negative."""
    made, _ = thread(*((str(i), start, start + length, False) for i, (start, length) in enumerate(spans)))
    found = [ns for _, ns, _ in self_times(made)]
    covered = {t for start, length in spans for t in range(start, start + length)}
    assert sum(found) == len(covered) and all(ns >= 0 for ns in found) and len(found) == len(spans)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20), st.booleans()), max_size=15, unique_by=lambda s: s[0]),
    st.lists(st.integers(0, 60), max_size=10),
)
def test_the_innermost_is_the_last_that_began_and_has_not_ended(
    spans: list[tuple[int, int, bool]], moments: list[int]
) -> None:
    """Against the definition, for any overlaps."""
    made, _ = thread(*((str(i), start, start + length, scope) for i, (start, length, scope) in enumerate(spans)))
    order = sorted(range(len(moments)), key=moments.__getitem__)
    for moment, op, scope in enclosing(made, moments, order):
        at = moments[moment]
        for wanted, found in ((False, op), (True, scope)):
            open_now = [(s, i) for i, (s, n, kind) in enumerate(spans) if kind is wanted and s <= at <= s + n]
            assert found == (max(open_now)[1] if open_now else NONE)


def test_rows_that_are_in_order_stay_so() -> None:
    """Ties keep the order of the file."""
    made, _ = thread(("a", 5, 9, False), ("b", 0, 9, False), ("c", 5, 9, False), ("d", 5, 9, True))
    assert list(outermost_first(made)) == [1, 3, 0, 2]


def test_one_graph_launch_owns_all_its_kernels_and_a_lost_launch_none() -> None:
    """The join is by correlation, not one to one; ops of another thread do not count."""
    rows = columns(
        [
            gpu(200, 3, "one", 5),
            gpu(210, 4, "two", 6),
            gpu(220, 5, "two", 6),
            gpu(230, 6, "lost", 77),
            host("cuda_runtime", "cudaGraphLaunch", 50, 2, correlation=6),
            host("cuda_runtime", "cudaLaunchKernel", 15, 2, correlation=5),
            host("cpu_op", "aten::inner", 10, 20),
            host("cpu_op", "aten::outer", 0, 100),
            host("cpu_op", "elsewhere", 0, 100, tid=2),
            host("user_annotation", "scope", 0, 40),
        ]
    )
    found = Attribution(rows)
    named = [*rows.names, ""]
    assert [tuple(named[part] for part in found.of(row)) for row in range(4)] == [
        ("aten::inner", "scope"), ("aten::outer", ""), ("aten::outer", ""), ("", ""),
    ]  # fmt: skip
    assert sorted(found.rows) == [1, 2]


def test_of_two_launches_with_one_correlation_the_later_is_the_launch() -> None:
    """A driver call inside a runtime call; whichever comes first in the file."""
    rows = [
        host("cuda_runtime", "cudaLaunchKernel", 10, 9, correlation=5),
        host("cuda_driver", "cuLaunchKernel", 12, 2, correlation=5),
        gpu(100, 1, "k", 5),
    ]
    for order in (rows, rows[::-1]):
        found = columns(order)
        launch = Attribution(found).launch[0]
        assert found.names[found.launches.name[launch]] == "cuLaunchKernel"
