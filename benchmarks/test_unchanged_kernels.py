"""False alarms of `harness compilers`: every Triton variant of this project against itself, written otherwise, in
another folder, process, hash seed and cache, for five targets: 185 cells. At most one in 100 may gate.

`HARNESS_TRITONS` names the releases to try (3.6.0,3.9.0), from an index or the folder `HARNESS_WHEELS`; else it is the
installed one."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from harness.values.static_comparison import StaticVerdict
from tests.compilers.unchanged import against_itself

MOST_ALARMS = 0.01


@pytest.mark.timeout(3600)
def test_a_kernel_that_is_written_otherwise_does_not_gate(tmp_path: Path) -> None:
    wheels = os.environ.get("HARNESS_WHEELS")
    counts: Counter[StaticVerdict] = Counter()
    for triton in os.environ.get("HARNESS_TRITONS", "installed").split(","):
        found = against_itself(triton, tmp_path / triton, Path(wheels) if wheels else None)
        for case, target, verdict, reason in found:
            if verdict is not StaticVerdict.SAME:
                print(f"Triton {triton}, {target}, {case}: {verdict} {reason}")
        print(f"Triton {triton}: {dict(Counter(verdict for _, _, verdict, _ in found))}")
        counts.update(verdict for _, _, verdict, _ in found)
    alarms = counts[StaticVerdict.WORSE] + counts[StaticVerdict.FAILED]
    assert counts.total() >= 100 and alarms <= MOST_ALARMS * counts.total()
