"""What a recorded grid follows from."""

from __future__ import annotations

from harness.programs.grids import Axis, grid_axes
from harness.values.recorded import RecordedCase, RecordedTensor, RecordedValue


def case(rows: int, n: int, grid: tuple[int, ...], **constants: int) -> RecordedCase:
    arguments = {"x": RecordedTensor((rows, n), (n, 1), "float32"), "n": RecordedValue(n)}
    return RecordedCase(1, arguments, 1, 1, grid, dict(constants))


def test_an_expression_holds_in_every_case() -> None:
    """Rows by themselves, columns in tiles, an axis of one; a tile that the cases differ in is one, too."""
    cases = [case(3, 100, (3, 4, 1), BLOCK=32), case(8, 256, (8, 4, 1), BLOCK=64)]
    assert grid_axes(cases) == (Axis("x.shape[0]"), Axis("triton.cdiv(n, BLOCK)", "BLOCK"), Axis("1"))


def test_what_no_expression_explains_has_none() -> None:
    """132 programs of a persistent kernel, in two shapes; grids of two lengths."""
    assert grid_axes([case(3, 100, (132,), BLOCK=32), case(8, 256, (132,), BLOCK=64)]) is None
    assert grid_axes([case(3, 100, (3,)), case(8, 256, (8, 1))]) is None
