"""Results of `harness compilers` in the run store: a run without measurements, which `last` never selects."""

from __future__ import annotations

import hashlib
import uuid

from harness.store.store import Store
from harness.store.writer import COMPILERS
from harness.values.compilers import CompilerMatrix
from harness.values.run import Run
from harness.values.suite import Suite


def add(store: Store, suite: Suite, matrix: CompilerMatrix, command: str = "", note: str = "") -> str:
    """Store a matrix; return the id of its run."""
    digest = hashlib.sha256(suite.text.encode()).hexdigest()
    run = Run(
        "", matrix.started, suite.name, digest, suite.title, "complete", command=command, note=note,
        sources={digest: suite.text}, matrix=matrix,
    )  # fmt: skip
    return store.add_run(run, str(uuid.uuid4()))


def matrices(store: Store, suite: str) -> list[CompilerMatrix]:
    """The matrices of a suite, oldest first."""
    runs = (store.load(summary.id) for summary in store.runs(suite, COMPILERS))
    return [run.matrix for run in runs if run.matrix is not None]
