"""All Triton variants of this project in three releases of Triton for five targets on two cores: minutes the first
time, seconds the second. Installs the releases, from an index or the folder that `HARNESS_WHEELS` names."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.compilers.matrix import base_of, compile_matrix
from harness.compilers.versions import find_compilers
from harness.compilers.workload import workload
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.compilers import CompilerMatrix
from tests.conftest import REPOSITORY

COLD_S, WARM_S = 360.0, 10.0


def test_the_whole_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite, wheels = load_suite(REPOSITORY / "suites" / "every_variant.yaml"), os.environ.get("HARNESS_WHEELS")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    compilers = find_compilers(suite.compilers.triton, Path(wheels) if wheels else None, print)
    works = workload(expand(suite), with_neighbours=False)

    def timed() -> tuple[CompilerMatrix, float]:
        start = time.perf_counter()
        targets = suite.compilers.targets
        return compile_matrix(
            suite, works, compilers, targets, base=base_of(compilers), jobs=2
        ), time.perf_counter() - start

    cold, cold_s = timed()
    warm, warm_s = timed()
    print(f"{cold.compiled} cells: {cold_s:.0f} s cold, {warm_s:.1f} s warm")
    assert cold.kept == warm.compiled == 0 and warm.rows == cold.rows
    assert cold_s <= COLD_S and warm_s <= WARM_S
