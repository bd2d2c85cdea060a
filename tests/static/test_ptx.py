"""How often a loop runs is what a program that counts says; what cannot be followed is None."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.static.ptx import hot_loop

COUNTED = """
	mov.b32 	%r2, {start};
	mov.b32 	%r1, %r2;
$L__BB0_1:                              // =>This Inner Loop Header: Depth=1
	ld.global.b8 {{ %rs1 }}, [ %rd1 + 0 ];
	@%p4 ld.global.b8 {{ %rs2 }}, [ %rd1 + 0 ];
	@%p4 ld.global.b8 {{ %rs2 }}, [ %rd1 + 1 ];
	fma.rn.f32 	%f1, %f2, %f3, %f1;
	add.s32 	%r1, %r1, {step};
	setp.{compare}.{kind}32 	%p1, %r1, {bound};
	@{sense}%p1 bra 	$L__BB0_1;
	ret;
"""
REMEMBERED = """
	mov.b64 	%rd23, 0;
$L__BB0_1:                              // =>This Inner Loop Header: Depth=1
	add.s64 	%rd4, %rd23, 256;
	setp.lt.u64 	%p2, %rd23, 1792;
	mov.b64 	%rd23, %rd4;
	@%p2 bra 	$L__BB0_1;
"""
TWICE = """
	mov.pred 	%p4, -1;
	mov.pred 	%p8, %p4;
$L__BB0_1:                              // =>This Inner Loop Header: Depth=1
	mov.pred 	%p1, %p8;
	mov.pred 	%p8, 0;
	@%p1 bra 	$L__BB0_1;
"""


@given(
    start=st.integers(-512, 0), step=st.integers(1, 64), bound=st.integers(1, 4096),
    kind=st.sampled_from("us"), inverted=st.booleans(),
)  # fmt: skip
def test_a_counter_with_constant_bounds_is_counted(
    start: int, step: int, bound: int, kind: str, inverted: bool
) -> None:
    """By the same loop in Python; an unsigned comparison of a negative number ends it at once."""
    passes, at = 0, start
    while True:
        passes, at = passes + 1, at + step
        if (at % 2**32 if kind == "u" else at) >= bound:
            break
    text = COUNTED.format(
        start=start, step=step, bound=bound, kind=kind, compare="ge" if inverted else "lt", sense="!" * inverted
    )
    loop = hot_loop(text)
    assert loop is not None and (loop.trips, loop.global_loads) == (passes, 2)


def test_the_guard_sees_the_counter_before_its_step_where_it_stands_there() -> None:
    loop = hot_loop(REMEMBERED)
    assert loop is not None and loop.trips == 8


def test_a_predicate_that_is_true_once_is_two_passes() -> None:
    loop = hot_loop(TWICE)
    assert loop is not None and loop.trips == 2


def test_what_depends_on_data_is_not_guessed() -> None:
    """A bound from memory, a counter that is loaded, a step by a register that nothing sets, a loop without an end."""
    text = COUNTED.format(start=0, step=8, bound=64, kind="u", compare="lt", sense="")
    for planted, instead in (
        ("%r1, 64", "%r1, %r9"), ("add.s32 	%r1, %r1, 8", "ld.global.b32 	%r1, [%rd7]"),
        ("%r1, %r1, 8", "%r1, %r1, %r9"), ("%r1, %r1, 8", "%r1, %r1, 0"),
    ):  # fmt: skip
        assert planted in text
        loop = hot_loop(text.replace(planted, instead))
        assert loop is not None and loop.trips is None, instead


def test_a_kernel_without_a_loop_has_none() -> None:
    assert hot_loop("	mov.b32 	%r1, 0;\n	ret;\n") is None
