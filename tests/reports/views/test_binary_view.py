"""What kernels were compiled to stands in every report, and a spill is named."""

from __future__ import annotations

import msgspec

from harness.values.binary import Binary
from harness.values.profile import SiteBinary
from harness.values.run import Run
from reports.pages import html, markdown, terminal
from reports.table import text_of
from reports.tables.run import HEADINGS, binaries
from reports.views.binary_view import arm_binaries
from reports.views.view import build
from tests.reports.run_factory import synthetic_run


def binary(kernel: str, per_weight: float | None = None, spill_bytes: int = 0) -> Binary:
    return Binary(
        kernel, "sm_90", "3.6.0", "12.8.93", kernel, 40, spill_bytes, 0, 2048, 4,
        instructions_per_weight=per_weight, counted_over=None if per_weight is None else "kernel", load_bytes=4,
        widest_load_bytes=16, blocks_per_sm=12,
    )  # fmt: skip


def run_with(*rows: SiteBinary) -> Run:
    run = synthetic_run()
    read = msgspec.structs.replace(run.profiles[1], binaries=rows, not_read={"router@main": "under <autotune>"})
    return msgspec.structs.replace(run, profiles=(run.profiles[0], read))


ROWS = (
    SiteBinary("moe_block@main", 40, (2305, 1, 1), binary("gate_up_kernel", 5.71)),
    SiteBinary("moe_block@main", 40, (512, 1, 1), binary("down_kernel", 1.69)),
    SiteBinary("int4_mm@lm_head", 1, (31040, 1, 1), binary("words_kernel", 6.5)),
    SiteBinary("sdpa@main", 10, (64, 2, 1), binary("split_kernel")),
)


def test_the_kernels_of_a_call_add_up() -> None:
    """Each is counted over the weights of the whole call: 5.71 and 1.69 are 7.40 together, more than another's 6.5."""
    (found,) = arm_binaries(run_with(*ROWS).profiles)
    assert found.sentence.startswith("none of 4 kernels spills; at most 7.40 instructions per weight (moe_block@main)")


def test_a_kernel_that_spills_is_named() -> None:
    spilling = msgspec.structs.replace(ROWS[3], binary=binary("split_kernel", spill_bytes=128))
    (found,) = arm_binaries(run_with(*ROWS[:3], spilling).profiles)
    assert found.sentence.startswith("1 kernel of 4 spill: sdpa@main 128 bytes a thread")


def test_every_report_has_line_and_table() -> None:
    view = build(run_with(*ROWS))
    line = view.binaries[0].sentence
    page, text = html.render(view), markdown.render(view)
    assert line in page and line in text and "autotuned: none of 4 kernels spills" in terminal.plain(view)
    for shown in (page, text):
        assert all(heading in shown for heading in HEADINGS) and "split_kernel" in shown
    assert "under &lt;autotune&gt;" in page and "under \\<autotune>" in text
    assert build(synthetic_run()).binaries == ()


def test_cells_say_what_was_counted() -> None:
    rows = [list(map(text_of, row.cells)) for row in binaries(arm_binaries(run_with(*ROWS).profiles)[0]).rows]
    shown = dict(zip(HEADINGS, rows[0], strict=True))
    assert shown["Grid"] == "2,305" and shown["Load, bytes"] == "4 (widest 16)"
    assert shown["Instructions per weight of the call"] == "5.71 (no loop)"
    assert rows[3][3] == "64 x 2" and rows[3][8] == "-"
