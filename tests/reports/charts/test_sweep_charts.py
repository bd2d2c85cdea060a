"""The charts of a sweep say what was measured, and the same sweep gives the same bytes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from harness.values.sweep import Confirmed
from harness_reports.charts.sweep_charts import draw, draw_sweep
from harness_reports.views.sweep_view import build
from tests.sweep.made import case, finals, measured, question, row
from tests.sweep.test_ship_and_emit import result


def swept() -> object:
    rows = [row(b / 8 + w, block_n=b, num_warps=w, odd=1) for b in (8, 16, 32) for w in (2, 4)]
    rows += [row(None, "static", case(block_n=8, num_warps=2, odd=1).id, block_n=8, num_warps=8, odd=1)]
    base = Confirmed(measured(case(block_n=32, num_warps=2, odd=1), [6.0, 6.1, 6.0, 6.2]))
    fast = Confirmed(measured(case(block_n=8, num_warps=2, odd=1), [3.0, 3.1, 3.0, 3.05]))
    return question(rows, finals([fast], base, fast.measurement.case.id))


def test_the_landscape_is_over_the_two_largest_axes() -> None:
    """Each cell the best of the rest; a duplicate has its twin's time, and a pair that nobody timed is empty."""
    view = build(swept())
    assert view.landscape is not None
    assert (view.landscape.row_name, view.landscape.column_name) == ("block_n", "num_warps")
    assert view.landscape.columns == ("2", "4", "8") and view.landscape.rows == ("8", "16", "32")
    assert view.landscape.cells[0] == (3.0, 5.0, 3.0) and view.landscape.cells[1] == (4.0, 6.0, None)
    assert view.counts == "7 declared, 0 pruned, 6 distinct, 6 timed"
    assert [(r.name, r.is_winner, r.is_baseline) for r in view.top][1][1:] == (False, True)


def test_rows_are_named_by_what_differs() -> None:
    """Tunables that all rows share are said once, so that no name is cut where it would tell them apart."""
    view = build(swept())
    assert [row.name for row in view.top] == ["block_n 8", "block_n 32"] and view.alike == "num_warps 2, odd 1"
    names = [f"a_tunable_with_a_long_name_{n}" for n in range(3)]
    of = [
        measured(case(**dict(zip(names, values, strict=True)), same=1), [3.0, 3.1]) for values in ((1, 2, 3), (1, 5, 4))
    ]
    long = build(question([], finals([Confirmed(one) for one in of], None, None)))
    text = " ".join("".join(part.itertext()) for part in ElementTree.fromstring(draw(long, "GPU")).iter() if part.text)
    for words in ("name_1 2", "name_2 3", "name_1 5", "name_2 4", f"{names[0]} 1, same 1"):
        assert words in " ".join(text.split()), words


def test_the_drawing_is_valid_deterministic_and_says_the_numbers() -> None:
    view = build(swept())
    first, second = draw(view, "GPU <&> 1"), draw(view, "GPU <&> 1")
    assert first == second
    text = "".join(ElementTree.fromstring(first).itertext())
    for word in ("GPU <&> 1", "block_n", "num_warps", "winner", "baseline", "us a call", "4 fresh processes"):
        assert word in text, word
    [(name, svg)] = draw_sweep(result()).items()
    assert name == "int4_mm-main-v-1.svg" and len(svg) < 100_000


def test_hostile_names_and_missing_numbers_draw_too() -> None:
    """A question without finals, one configuration, and a tunable whose value is markup."""
    for asked in (question([]), question([row(1.0, layout="<b>&\u202e")]), question([row(None, "static", b=1)])):
        ElementTree.fromstring(draw(build(asked), "x" * 10_000))
