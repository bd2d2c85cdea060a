"""`harness check`: each case of a plan verified once, nothing timed, nothing left in a store."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.runner.execute import Execution, MakePlan
from harness.runner.stage import Options, Report
from harness.store import Store
from harness.values.run import Run
from harness.values.suite import Suite


def check(suite: Suite, make_plan: MakePlan, report: Report) -> Run:
    """A run without samples: every measurement says OK, or why not."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(str(Path(folder) / "check.sqlite"))
        options = Options(stages=("kernels", "decode"), verify_only=True)
        try:
            return store.load(Execution(suite, make_plan, store, options, report).run())
        finally:
            store.close()
