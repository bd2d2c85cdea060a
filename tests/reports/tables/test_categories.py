"""The caption of the categories of a step."""

from __future__ import annotations

from dataclasses import replace

from harness_reports.tables.categories import categories
from harness_reports.views.view import build
from tests.reports.run_factory import synthetic_run


def test_operators_of_a_cpu_are_neither_kernels_nor_copies() -> None:
    """Launches beyond the kernels are copies and memsets; a profile without a kernel counts calls of operators."""
    table = build(synthetic_run()).categories[0]
    few = replace(table, kernels=tuple(replace(one, per_step=2.0) for one in table.kernels))
    none = replace(table, kernels=tuple(replace(one, per_step=0.0) for one in table.kernels))
    assert "2 kernels, the rest copies and memsets" in categories(few).caption
    assert "copies and memsets" not in categories(none).caption
