"""Two thousand hostile files and stores: a line or a row each, never a traceback. `nox -s benchmarks`."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

from tests.store import fuzz

MUTANTS = 2000
MOST_MB = 500


def test_two_thousand_mutants(tmp_path: Path, benchmark: Any) -> None:
    """Three quarters of them files, the others stores."""

    def all_of_them() -> dict[str, int]:
        files = fuzz.files(tmp_path, range(3 * MUTANTS // 4))
        return {**files, **fuzz.stores(tmp_path, range(MUTANTS // 4))}

    found = benchmark.pedantic(all_of_them, rounds=1)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    benchmark.extra_info |= {**found, "mutants": MUTANTS, "MB": megabytes}
    assert sum(found.values()) == MUTANTS and megabytes <= MOST_MB
