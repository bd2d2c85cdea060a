"""What two compilations say of each other: which differences gate, and which do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.compare.static_verdicts import judge_static, worse
from harness.errors import ExitStatus
from harness.values.binary import Binary
from harness.values.case import Case, Implementation
from harness.values.compiled import Compiled
from harness.values.launch import Launch
from harness.values.measurement import Status
from harness.values.pairing import Tree
from harness.values.static_comparison import StaticComparison, StaticSide, StaticVerdict

BINARY = Binary(
    "a", "sm_90", "3.7", "12.8", "down_kernel", registers=64, spill_bytes=0, stack_bytes=0, shared_bytes=0, num_warps=4,
    load_bytes=16, blocks_per_sm=8,
)  # fmt: skip
FAILING = {Status.FAILED: "it raises", Status.TIMEOUT: "over 60 s", Status.UNSUPPORTED: "does not fit: 300,000 bytes"}


def compiled(*binaries: Binary, grid: tuple[int, int, int] = (8, 1, 1), **tunables: Any) -> Compiled:
    case = Case("kernel", "baseline", "int4", {}, op="moe_down", site="experts", answer=Implementation("v", tunables))
    launches = tuple(Launch(b.sha256, b.kernel, grid, b.cluster, b.shared_bytes) for b in binaries)
    return Compiled(case, Status.OK, launches=launches, binaries=binaries)


def without(status: Status) -> Compiled:
    return Compiled(compiled().case, status, FAILING[status])


def verdict(base: Compiled | None, head: Compiled | None) -> StaticVerdict:
    return judge_static("moe_down", "sm_90", base, head, {}, {}).verdict


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"spill_bytes": 8}, "spills 0 -> 8 bytes a thread"),
        ({"blocks_per_sm": 7}, "blocks per SM 8 -> 7"),
        ({"load_bytes": 4}, "loads 16 -> 4 bytes a thread"),
        ({"num_warps": 8, "blocks_per_sm": 3}, "warps per SM 32 -> 24 (blocks per SM 8 -> 3)"),
    ],
)
def test_what_gates_is_named_with_both_figures(changed: dict[str, int], said: str) -> None:
    """Each of them alone makes the case WORSE, and the other direction never does."""
    other = replace(BINARY, sha256="b", **changed)
    found = judge_static(
        "moe_down", "sm_90", compiled(BINARY), compiled(other), {"v.py": "x = 1\n"}, {"v.py": "x = 2\n"}
    )
    assert (found.verdict, found.reason) == (StaticVerdict.WORSE, f"down_kernel: {said}")
    assert found.changed_line == "v.py:1"
    assert verdict(compiled(other), compiled(BINARY)) is StaticVerdict.CHANGED


@pytest.mark.parametrize(
    "changed",
    [{"registers": 200}, {"instructions_per_weight": 99.0}, {"shared_bytes": 9}, {"num_warps": 8, "blocks_per_sm": 4}],
)
def test_what_does_not_gate_is_shown(changed: dict[str, Any]) -> None:
    """Registers and instructions explain; half as many blocks of twice the size keep an SM as busy."""
    other = replace(BINARY, sha256="b", **changed)
    assert verdict(compiled(BINARY), compiled(other)) is StaticVerdict.CHANGED


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({16: 4}, {4: 16}, "loads 16 -> 4 bytes a thread"),
        ({16: 4}, {4: 4}, "loads 16 -> 4 bytes a thread"),  # in a loop that goes round four times as often
        ({2: 32, 16: 8}, {2: 32, 4: 32}, "loads 16 -> 4 bytes a thread"),  # most loads are of 2 bytes before and after
        ({1: 8, 16: 4}, {1: 72}, "loads 16 -> 1 bytes a thread"),
        ({1: 32, 2: 32, 4: 2}, {1: 32, 2: 2, 4: 2}, ""),  # Triton 3.7.1 merges equal loads of scales
        ({2: 8, 16: 4}, {2: 16, 16: 8}, ""),  # unrolled once more
        ({2: 8, 16: 4}, {2: 8, 16: 2}, ""),
        ({1: 32, 2: 16, 8: 2}, {1: 48, 2: 16}, ""),  # an eighth of the bytes
        ({4: 16}, {16: 4}, ""),
    ],
)
def test_narrower_loads_are_those_that_take_the_place_of_wider_ones(
    before: dict[int, int], after: dict[int, int], said: str
) -> None:
    base, head = (
        replace(BINARY, loads=tuple(loads.items()), load_bytes=max(loads, key=loads.__getitem__))
        for loads in (before, after)
    )
    assert worse(base, head) == ((said,) if said else ())


@given(
    st.integers(0, 64), st.integers(0, 64), st.integers(1, 32), st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16])
)
def test_never_worse_in_both_directions_by_one_figure(a: int, b: int, c: int, d: int, width: int) -> None:
    """What is worse one way is better the other; equal binaries are neither."""
    for field, one, other in (("spill_bytes", a, b), ("blocks_per_sm", c, d), ("load_bytes", width, 4)):
        sides = [replace(BINARY, **{field: value}) for value in (one, other)]
        assert bool(worse(*sides)) + bool(worse(*reversed(sides))) == (one != other)


def test_equal_binaries_and_launches_are_the_same_and_another_grid_is_not() -> None:
    """A split count may live in the grid alone."""
    assert verdict(compiled(BINARY), compiled(BINARY)) is StaticVerdict.SAME
    found = judge_static("moe_down", "sm_90", compiled(BINARY), compiled(BINARY, grid=(16, 1, 1)), {}, {})
    assert (found.verdict, found.reason) == (StaticVerdict.CHANGED, "down_kernel: same binary, another launch")


def test_a_renamed_kernel_hides_nothing() -> None:
    """What only one side launches is held against what only the other does; a new kernel that spills is worse."""
    other = replace(BINARY, sha256="b", kernel="down_kernel_2", spill_bytes=64)
    assert verdict(compiled(BINARY), compiled(other)) is StaticVerdict.WORSE
    assert verdict(compiled(BINARY), compiled(BINARY, other)) is StaticVerdict.WORSE
    assert verdict(compiled(BINARY, other), compiled(BINARY)) is StaticVerdict.CHANGED
    same = replace(BINARY, sha256="b", kernel="down_kernel_2", code_hash="c")
    found = judge_static("moe_down", "sm_90", compiled(replace(BINARY, code_hash="c")), compiled(same), {}, {})
    assert found.reason == "down_kernel -> down_kernel_2: renamed, the same instructions"


@pytest.mark.parametrize("status", FAILING)
def test_what_no_longer_compiles_counts_and_what_never_did_does_not(status: Status) -> None:
    """Not fitting any more is a regression, not compiling a failure, whatever base does; what fits neither side says
    nothing. What is new and does not compile is a failure, too; that it does not fit this target may be meant."""
    wanted = StaticVerdict.WORSE if status is Status.UNSUPPORTED else StaticVerdict.FAILED
    assert verdict(compiled(BINARY), without(status)) is wanted
    assert verdict(without(status), compiled(BINARY)) is StaticVerdict.CHANGED
    both = StaticVerdict.UNKNOWN if status is Status.UNSUPPORTED else StaticVerdict.FAILED
    assert verdict(without(status), without(status)) is both, "a broken compiler is never SAME, nor exit status 0"
    alone = judge_static("moe_down", "sm_90", None, without(status), {}, {})
    assert alone.verdict is (StaticVerdict.UNKNOWN if status is Status.UNSUPPORTED else StaticVerdict.FAILED)
    assert judge_static("moe_down", "sm_90", without(status), None, {}, {}).verdict is StaticVerdict.UNKNOWN, "gone"
    assert alone.reason == f"only in head, and {status.value}: {FAILING[status]}", "new, and said to fail"


def test_a_side_without_an_answer_is_not_worse() -> None:
    """A tuned file that is for other code leaves the question open; it is not taken for a kernel that does not fit."""
    lacking = replace(compiled().case, problem="tuned for other source")
    none = Compiled(lacking, Status.UNSUPPORTED, "tuned for other source")
    for base, head, words in ((compiled(BINARY), none, "head: "), (none, compiled(BINARY), "base: ")):
        found = judge_static("moe_down", "sm_90", base, head, {}, {})
        assert found.verdict is StaticVerdict.UNKNOWN and found.reason.startswith(words)
    assert judge_static("moe_down", "sm_90", none, none, {}, {}).reason.startswith("both sides: ")


def test_tunables_that_differ_are_named() -> None:
    """So that a choice is not taken for a change of code."""
    found = judge_static("moe_down", "sm_90", compiled(BINARY, block_n=8), compiled(BINARY, block_n=16), {}, {})
    assert found.tunables == ("block_n 8 -> 16",)


def test_the_exit_status_is_that_of_the_worst() -> None:
    """A failure before a regression, and what is not known changes nothing."""
    side = StaticSide(Tree("main"), None, {})
    cases = {
        name: judge_static("c", "sm_90", base, head, {}, {})
        for name, base, head in (
            ("same", compiled(BINARY), compiled(BINARY)),
            ("unknown", without(Status.UNSUPPORTED), without(Status.UNSUPPORTED)),
            ("worse", compiled(BINARY), compiled(replace(BINARY, sha256="b", spill_bytes=4))),
            ("failed", compiled(BINARY), without(Status.FAILED)),
        )
    }
    status = {
        names: StaticComparison(side, side, ("sm_90",), tuple(cases[n] for n in names.split())).exit_status
        for names in ("same unknown", "same worse", "worse failed")
    }
    assert list(status.values()) == [ExitStatus.OK, ExitStatus.REGRESSION, ExitStatus.CASE_FAILED]
