"""All tables of a report."""

from __future__ import annotations

from collections.abc import Iterator

from ..table import Table
from ..views.view import View
from . import run
from .categories import categories, totals
from .figures import outside_figures
from .kernels import kernels, profiled_kernels
from .models import models
from .over_runs import samples
from .packages import packages
from .quality import quality


def of_report(view: View) -> Iterator[Table]:
    """Each table for which the run has data, in the order of the page."""
    if view.problems:
        yield run.problems(view)
    for groups in filter(None, (view.decodes, view.prefills)):
        yield models(view, groups)
    if view.figures:
        yield outside_figures(view, view.figures)
    for found in (quality(view, view.decodes), packages(view, view.decodes)):
        if found.rows:
            yield found
    for table in view.categories:
        yield from (categories(table), totals(table), *(profiled_kernels(table, arm) for arm in table.kernels))
    if view.kernels:
        yield kernels(view)
    yield from map(run.binaries, view.binaries)
    if view.processes:
        yield run.processes(view)
    yield from (samples(view.strips), run.machine(view))
