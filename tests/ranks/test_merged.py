"""Ranks in one file, as SGLang merges them: each op has the time that it has in the ranks' own files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from harness.trace import breakdown, load_rules
from tests.ranks.made import rank_rows
from tests.trace.made import write

RULES = load_rules()


def marked(row: dict[str, Any], rank: int) -> dict[str, Any]:
    """`[TP00] 1000` for a process, `[TP00] 0` for a device."""
    return row | {"pid": f"[TP{rank:02d}] {row['pid']}"}


def test_a_merge_of_two_ranks_gives_each_op_the_time_of_the_files_alone(tmp_path: Path) -> None:
    """The same correlation numbers in both: difference zero, by op and by category."""
    apart, merged = Counter[str](), []
    for rank in range(2):
        rows = list(rank_rows(rank, 2, 12, 50.0, 8))
        alone = breakdown(write(tmp_path / f"{rank}.json", rows), RULES)
        for table in (alone.ops, alone.categories):
            apart.update({row.name: row.total_ns for row in table})
        merged += [marked(row, rank) for row in rows]
    together = breakdown(write(tmp_path / "merged.json", merged), RULES)
    found = Counter[str]()
    for table in (together.ops, together.categories):
        found.update({row.name: row.total_ns for row in table})
    assert found == apart and together.attributed_ns == together.kernel_sum_ns
